-- Who speaks in a tab: others than before sit at it, or the same with another key. Names and browsers change; what was said is
-- still theirs.

CREATE TABLE speakers (
    tab INTEGER NOT NULL,             -- tabs.id
    since INTEGER NOT NULL,           -- the position of the first message in it that was theirs
    account INTEGER,                  -- users.id
    key BLOB,                         -- SHA-256 of the guest_key
    browser BLOB,                     -- SHA-256 of the browser's cookie
    PRIMARY KEY (tab, since)
) STRICT, WITHOUT ROWID;
