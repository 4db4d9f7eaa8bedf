-- Messages answer others, are reacted to, and one of them is pinned.

-- Beside the messages: most answer nothing, and their rows stay as they are.
CREATE TABLE replies (
    position INTEGER PRIMARY KEY,     -- messages.position
    reply_to INTEGER NOT NULL         -- messages.position: what it answers
) STRICT;

-- The newest change of each message's reactions, which is an entry of the log. Those before it have left gaps.
CREATE TABLE reaction_counts (
    position INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL UNIQUE, -- messages.position
    counts TEXT NOT NULL              -- each sign and how many, with blanks between them; empty where none is left
) STRICT;

-- Who has reacted. Rows are appended and never move, as those of messages: what is taken back, or goes with its message, is
-- overwritten where it lies.
CREATE TABLE reactions (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL,      -- messages.position
    who INTEGER,                      -- of a hash of the person and the message; NULL: it is gone
    sign TEXT NOT NULL,
    username TEXT NOT NULL            -- their name then; blank where it is gone
) STRICT;

-- A person counts once per sign. Nothing in it tells who that is, since a page of an index keeps traces of what has moved.
CREATE UNIQUE INDEX reactions_made ON reactions (message_id, sign, who) WHERE who IS NOT NULL;

ALTER TABLE room ADD COLUMN pinned INTEGER;   -- messages.position
