-- The host's room: what hosts have decided, who they are, and what they did.

ALTER TABLE room ADD COLUMN title TEXT;                                -- NULL: hosts have given it none
ALTER TABLE room ADD COLUMN operator_title TEXT;                       -- the --title of the last start
ALTER TABLE room ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN door_closed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN slow_mode_seconds INTEGER NOT NULL DEFAULT 0;
-- Messages up to `cleared` are gone for everybody at once; their texts are overwritten little by little, up to `overwritten`.
ALTER TABLE room ADD COLUMN cleared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN overwritten INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN host_generation INTEGER NOT NULL DEFAULT 0; -- how often the host links were voided

-- Who is muted (kind 0) or removed (kind 1), by the name they had then.
CREATE TABLE held_back (
    kind INTEGER NOT NULL,
    folded TEXT NOT NULL,             -- the name as it is compared
    display TEXT NOT NULL,            -- the name as it is shown
    PRIMARY KEY (kind, folded)
) STRICT, WITHOUT ROWID;

-- What they are known by, whatever name they take next.
CREATE TABLE held_back_marks (
    kind INTEGER NOT NULL,
    folded TEXT NOT NULL,
    mark TEXT NOT NULL,               -- account:ID, guest:HASH, tab:HASH or address:IP
    PRIMARY KEY (kind, folded, mark)
) STRICT, WITHOUT ROWID;

-- Names that hosts without an account have used: nobody else's, for ever.
CREATE TABLE host_names (
    folded TEXT PRIMARY KEY,
    key BLOB                          -- SHA-256 of the guest_key it was used with
) STRICT, WITHOUT ROWID;

-- What each host did. No part of the log.
CREATE TABLE host_actions (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    host TEXT NOT NULL,               -- their name in the room
    action TEXT NOT NULL,             -- as on the wire; or delete
    username TEXT,                    -- whom it was about
    detail TEXT                       -- what there is to say of it
) STRICT;

-- Links of `chat-app host-link`.
CREATE TABLE host_keys (
    id INTEGER PRIMARY KEY,           -- in the order in which they were made
    key BLOB NOT NULL UNIQUE          -- SHA-256 of what is in the link
) STRICT;

-- A host needs no account.
CREATE TABLE sessions_3 (
    token BLOB PRIMARY KEY,           -- SHA-256 of the cookie
    user INTEGER,                     -- users.id; NULL: a host without an account
    host INTEGER,                     -- the host_generation of the link that made it a host's
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sessions_3 SELECT token, user, NULL, expires_at FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_3 RENAME TO sessions;
CREATE INDEX sessions_user ON sessions (user, expires_at);
CREATE INDEX sessions_expire ON sessions (expires_at);

-- A user may have several links: a mailed one stands beside those before, so that who asks for another voids none.
CREATE TABLE password_resets_3 (
    token BLOB PRIMARY KEY,           -- SHA-256 of what is in the link
    user INTEGER NOT NULL,            -- users.id
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO password_resets_3 SELECT token, user, expires_at FROM password_resets;
DROP TABLE password_resets;
ALTER TABLE password_resets_3 RENAME TO password_resets;
CREATE INDEX password_resets_user ON password_resets (user, expires_at);
