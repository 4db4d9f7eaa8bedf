-- Accounts. They are written by a connection of their own, a row at a time, while the room's log is written by another.

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    folded TEXT NOT NULL UNIQUE,      -- the name as it is compared
    display TEXT NOT NULL,            -- the name as it is shown
    email TEXT UNIQUE COLLATE NOCASE, -- ASCII only. NULL, like the password, once the account is deleted: the row stays, so
    password TEXT,                    -- that nobody else ever gets the name. argon2id in the PHC form
    created_at INTEGER NOT NULL,      -- ms since 1970 UTC, as all times
    reset_requested_at INTEGER        -- they have told the hosts that they forgot their password
) STRICT;
CREATE INDEX users_reset_requested ON users (reset_requested_at) WHERE reset_requested_at IS NOT NULL;

-- What the log shows of people whose account is gone is asked for with each page of it, and there are few of them.
CREATE INDEX users_gone ON users (display) WHERE password IS NULL;

CREATE TABLE sessions (
    token BLOB PRIMARY KEY,           -- SHA-256 of the cookie
    user INTEGER NOT NULL,            -- users.id
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user, expires_at);
CREATE INDEX sessions_expire ON sessions (expires_at);

-- One row for each user: a newer link takes the place of the one before.
CREATE TABLE password_resets (
    user INTEGER PRIMARY KEY,         -- users.id
    token BLOB NOT NULL UNIQUE,       -- SHA-256 of what is in the link
    expires_at INTEGER NOT NULL
) STRICT;

ALTER TABLE room ADD COLUMN address TEXT;     -- where links lead: the address handed out at the last start
ALTER TABLE room ADD COLUMN device_key BLOB;  -- 32 random bytes: proves that a browser has logged in before
