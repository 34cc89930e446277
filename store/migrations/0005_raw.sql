-- Where in a body begins what came instead of the transfer coding that was announced, as it came: none of it is content.
-- NULL in a message that is well formed.
ALTER TABLE flows ADD COLUMN request_raw INTEGER;
ALTER TABLE flows ADD COLUMN response_raw INTEGER;
ALTER TABLE trash ADD COLUMN request_raw INTEGER;
ALTER TABLE trash ADD COLUMN response_raw INTEGER;
