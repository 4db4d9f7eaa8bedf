-- Which file this is, as `chat.db.lock` beside it knows it: 128 random bits, others each time the write-ahead log has been copied whole.
-- NULL: no room that knows marks has written to it.
ALTER TABLE room ADD COLUMN mark BLOB;
