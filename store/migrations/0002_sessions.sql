-- A session is one recording, from start to clear, or what was imported from a file.
-- flows and bytes are kept with every change of `flows`, so that nobody counts; "first" and "last" enclose
-- the numbers of its flows. Of the recorded sessions, the one that has not ended is recorded into.
CREATE TABLE sessions (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL,
    source  INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended   INTEGER,
    flows   INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    "first" INTEGER NOT NULL,
    "last"  INTEGER NOT NULL,
    -- the deletion that took it along; NULL while it is there
    batch   INTEGER
) STRICT;

INSERT INTO sessions
    SELECT 1, '', 0, coalesce(min(started), CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000000), NULL, count(*),
        coalesce(sum(request_body_size + response_body_size), 0), coalesce(min(id), 9223372036854775807),
        coalesce(max(id), 0), NULL
    FROM flows;

ALTER TABLE flows ADD COLUMN session INTEGER NOT NULL DEFAULT 1;
ALTER TABLE flows ADD COLUMN color INTEGER NOT NULL DEFAULT 0;
ALTER TABLE flows ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;

-- The few flows that replay another one.
CREATE INDEX replays ON flows (replay_of) WHERE replay_of IS NOT NULL;

-- Flows that were deleted a moment ago and can be brought back: their heads and bodies are still there. A batch is
-- one deletion, by the time of it; the columns are those of flows.
CREATE TABLE trash (
    id                 INTEGER PRIMARY KEY,
    connection         INTEGER NOT NULL,
    kind               INTEGER NOT NULL,
    state              INTEGER NOT NULL,
    status             INTEGER,
    port               INTEGER NOT NULL,
    started            INTEGER NOT NULL,
    request_first      INTEGER,
    request_last       INTEGER,
    response_first     INTEGER,
    response_last      INTEGER,
    ended              INTEGER,
    request_version    INTEGER,
    request_head_size  INTEGER NOT NULL,
    request_body_size  INTEGER NOT NULL,
    response_version   INTEGER,
    response_head_size INTEGER NOT NULL,
    response_body_size INTEGER NOT NULL,
    replay_of          INTEGER,
    error_cause        INTEGER,
    error_side         INTEGER,
    method             TEXT NOT NULL,
    scheme             TEXT NOT NULL,
    host               TEXT NOT NULL,
    request_type       TEXT NOT NULL,
    request_encoding   TEXT NOT NULL,
    response_type      TEXT NOT NULL,
    response_encoding  TEXT NOT NULL,
    client             TEXT NOT NULL,
    server             TEXT,
    path               TEXT NOT NULL,
    error_text         TEXT,
    tags               TEXT NOT NULL,
    comment            TEXT NOT NULL,
    session            INTEGER NOT NULL,
    color              INTEGER NOT NULL,
    starred            INTEGER NOT NULL,
    batch              INTEGER NOT NULL
) STRICT;
