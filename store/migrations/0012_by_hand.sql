-- When a message of a WebSocket was sent by hand, in nanoseconds since 1970; NULL of those that rules touched. One by hand has the
-- flag 4, nothing that came (length 0), and in begins how many bytes of its direction had gone on before it.
ALTER TABLE changed_messages ADD COLUMN sent_at INTEGER;
