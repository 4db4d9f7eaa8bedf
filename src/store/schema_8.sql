-- Who is removed or muted while away is known by the browsers in which they are logged in, too.

CREATE TABLE account_browsers (
    user INTEGER NOT NULL,            -- users.id
    browser BLOB NOT NULL,            -- SHA-256 of its cookie
    key BLOB,                         -- SHA-256 of its guest_key, as far as it was told
    until INTEGER NOT NULL,           -- ms since 1970 UTC: from then on it is anybody's
    PRIMARY KEY (user, browser)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_browsers_by_browser ON account_browsers (browser);
