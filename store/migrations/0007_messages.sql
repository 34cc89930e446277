-- Which side's messages a rule of stage 2 (messages of WebSockets) looks at. 0: both, 1: the client's, 2: the server's.
ALTER TABLE rules ADD COLUMN sender INTEGER NOT NULL DEFAULT 0;

-- What became of messages of a WebSocket that rules touched: id = flow << 24 | number. begins and length: where the message
-- lies in the bytes of its direction, as they came. flags: 1 text, 2 not sent. sent: what was sent instead, or NULL. done: which
-- rules did what, in JSON.
CREATE TABLE changed_messages (
    id     INTEGER PRIMARY KEY,
    side   INTEGER NOT NULL,
    begins INTEGER NOT NULL,
    length INTEGER NOT NULL,
    flags  INTEGER NOT NULL,
    sent   BLOB,
    done   TEXT NOT NULL
) STRICT;
