-- Names are compared by identity, and what they look like is another matter: `refold.rs` gives each its identity.

-- The name as it is shown. NULL where only the form is known in which it was compared before, which is then in `folded`.
ALTER TABLE host_names ADD COLUMN display TEXT;
