-- The program on this computer that made a connection, when it is known; the flow repeats its name for the list and the filter.
ALTER TABLE connections ADD COLUMN app TEXT;
ALTER TABLE connections ADD COLUMN pid INTEGER;

-- A replay whose request is another than that of the flow it was made from.
ALTER TABLE flows ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE flows ADD COLUMN app TEXT NOT NULL DEFAULT '';

-- Rows move there and back.
ALTER TABLE trash ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trash ADD COLUMN app TEXT NOT NULL DEFAULT '';
