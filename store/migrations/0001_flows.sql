-- Times are nanoseconds since the Unix epoch, UTC. Addresses are text, `ip:port` or `[ip]:port`.
-- Numbers of enumerations are those of the types in flow.rs.

-- One narrow row a flow: the list is scanned without touching heads or bodies.
CREATE TABLE flows (
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
    comment            TEXT NOT NULL
) STRICT;

-- The few flows that are going on: what a restart and a deletion ask for.
CREATE INDEX running ON flows (id) WHERE state = 0;

-- id = flow << 3 | kind
CREATE TABLE heads (
    id   INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    head BLOB NOT NULL
) STRICT;

-- Interim (1xx) responses: id = flow << 8 | count
CREATE TABLE interims (
    id   INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    head BLOB NOT NULL
) STRICT;

-- The pieces of the bodies: id = (flow << 1 | side) << 24 | seq; "offset" is where the piece begins in its body.
CREATE TABLE chunks (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    data     BLOB NOT NULL
) STRICT;

-- client_tls and server_tls are JSON; the chains are SHA-256 hashes into certificates, 32 bytes each, leaf first.
CREATE TABLE connections (
    id              INTEGER PRIMARY KEY,
    client          TEXT NOT NULL,
    local           TEXT NOT NULL,
    host            TEXT NOT NULL,
    port            INTEGER NOT NULL,
    server          TEXT,
    upstream_local  TEXT,
    client_tls      TEXT,
    server_tls      TEXT,
    client_chain    BLOB NOT NULL,
    server_chain    BLOB NOT NULL,
    accepted        INTEGER NOT NULL,
    dns_start       INTEGER,
    dns_done        INTEGER,
    connect_start   INTEGER,
    connected       INTEGER,
    server_tls_done INTEGER,
    client_tls_done INTEGER,
    closed          INTEGER,
    closed_by       INTEGER,
    reset           INTEGER NOT NULL
) STRICT;

CREATE TABLE certificates (
    sha256 BLOB PRIMARY KEY,
    der    BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Ranges of chunk ids whose flows were deleted: the space is given back in small steps, also after a restart.
CREATE TABLE reclaim (
    first INTEGER PRIMARY KEY,
    last  INTEGER NOT NULL
) STRICT;
