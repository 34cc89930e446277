-- Packets lie in files beside the database, in the folder `packets`; here is which, and where in them those of a flow
-- begin and end. Times are nanoseconds since the Unix epoch.

-- One capture: of an interface while the program ran, or a file that was imported.
CREATE TABLE captures (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 0: of an interface; 1: an imported file
    source   INTEGER NOT NULL,
    -- INTERFACE:EXPRESSION, or the name of the file
    name     TEXT NOT NULL,
    -- the session of an import
    session  INTEGER,
    started  INTEGER NOT NULL,
    ended    INTEGER,
    packets  INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    -- packets that the system dropped
    dropped  INTEGER NOT NULL,
    -- why it ended before it was told to
    error    TEXT
) STRICT;

-- first and last: when its first and last packet passed. described: behind this place in the file there is no header
-- of a section and no description of an interface. removed: the file is gone, there was no room for it any more.
CREATE TABLE packet_files (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    capture   INTEGER NOT NULL,
    file      TEXT NOT NULL,
    "first"   INTEGER,
    "last"    INTEGER,
    bytes     INTEGER NOT NULL,
    described INTEGER NOT NULL,
    removed   INTEGER NOT NULL
) STRICT;

-- id = flow << 24 | file; first and last: where the records (pcap) or blocks (pcapng) of its first and last packet begin
-- in the file; number: the first one's place in the capture, from 1; packets: how many carried something of it.
CREATE TABLE flow_packets (
    id      INTEGER PRIMARY KEY,
    "first" INTEGER NOT NULL,
    "last"  INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    packets INTEGER NOT NULL
) STRICT;
