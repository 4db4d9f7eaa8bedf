-- The room's log is `messages` and `deletions` together: every position from 1 to the head is in one of them.

-- Rows are appended and never move or go: a deletion overwrites `text` where it lies, with as many spaces as it had
-- bytes. Were rows deleted, SQLite would merge their pages, and that can leave copies of neighbours in unused space, which
-- the later deletion of those does not find.
CREATE TABLE messages (
    position INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,              -- ms since 1970 UTC
    role INTEGER NOT NULL,            -- 0 guest, 1 member, 2 host: what the sender was then
    deleted INTEGER NOT NULL,         -- 0, 1: both take no space, so that setting it moves nothing
    tab INTEGER NOT NULL,             -- tabs.id: whose client_message_id it is, and who may delete it
    username TEXT NOT NULL,
    client_message_id TEXT,
    text TEXT NOT NULL                -- last: what skips it need not read its overflow pages
) STRICT;

-- Exactly once. The id comes before the tab because ids grow with time: all senders then write to the same few pages at the
-- right end, where the other order would touch a page for each tab (with 1,000 tabs: a quarter of the rate, four times
-- the write-ahead log).
CREATE UNIQUE INDEX messages_sent ON messages (client_message_id, tab) WHERE client_message_id IS NOT NULL;

CREATE TABLE deletions (
    position INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL,      -- messages.position
    at INTEGER NOT NULL               -- ms since 1970 UTC
) STRICT;

-- The runs of positions that hold no message to show (deleted ones, and deletions), as long as they go. They let reading
-- backwards jump over what was deleted, however much it was; an index of what was not deleted would cost each message a
-- quarter more.
CREATE TABLE gaps (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

-- Who sent what has a short number here: the hash would be repeated in each message and in the index.
CREATE TABLE tabs (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE          -- SHA-256 of the tab_key
) STRICT;

-- Guests' names that have spoken, kept for their key.
CREATE TABLE guests (
    folded TEXT PRIMARY KEY,          -- the name as it is compared
    display TEXT NOT NULL,            -- the name as it is shown
    key BLOB NOT NULL,                -- SHA-256 of the guest_key
    left_at INTEGER                   -- ms since 1970 UTC; NULL while its owner is here
) STRICT, WITHOUT ROWID;
CREATE INDEX guests_left ON guests (left_at);

CREATE TABLE room (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL               -- names this log: positions of another one mean nothing here
) STRICT;
