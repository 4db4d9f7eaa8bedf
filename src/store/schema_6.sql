-- Guests' names are kept longer once they have spoken, and each address has its share of them.

ALTER TABLE guests ADD COLUMN address TEXT;                          -- where its guest came from; NULL: kept before this version
ALTER TABLE guests ADD COLUMN has_spoken INTEGER NOT NULL DEFAULT 1;
