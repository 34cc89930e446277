-- How the client asked for the target, where that is neither an HTTP request nor CONNECT.
ALTER TABLE connections ADD COLUMN through TEXT;
