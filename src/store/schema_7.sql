-- Hosts take names, fix names, and make invite codes; who is removed while away is known by their browser.

-- SHA-256 of the cookie of its guest's browser, as far as it was seen.
ALTER TABLE guests ADD COLUMN browser BLOB;

-- Its owner may choose another name: a host has freed the one it had.
ALTER TABLE users ADD COLUMN chooses_name INTEGER NOT NULL DEFAULT 0;

-- Names that accounts had before, for who reads what was said under them: up to `until`, a position of the log, they were this
-- account's.
CREATE TABLE former_names (
    display TEXT NOT NULL,
    until INTEGER NOT NULL,
    user INTEGER NOT NULL,            -- users.id
    PRIMARY KEY (display, until, user)
) STRICT, WITHOUT ROWID;

-- Names that `chat-app free-name` wants to be free, until the room has seen to it.
CREATE TABLE names_to_free (
    name TEXT PRIMARY KEY             -- as it was typed
) STRICT, WITHOUT ROWID;

-- Everybody keeps the name that they have.
ALTER TABLE room ADD COLUMN names_fixed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room ADD COLUMN invite_code TEXT;  -- of a room for members; NULL: it never was one
