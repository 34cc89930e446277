-- Bytes of the side that passed before a piece and were not recorded: packets that a capture does not have. What is missing
-- at the end stands before a piece without bytes.
ALTER TABLE chunks ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;
