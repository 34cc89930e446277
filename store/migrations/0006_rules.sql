-- What is changed on its way, in order. stage: 0 request, 1 response; actions is JSON, see rule.rs.
CREATE TABLE rules (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    "group"  TEXT NOT NULL,
    "on"     INTEGER NOT NULL,
    filter   TEXT NOT NULL,
    stage    INTEGER NOT NULL,
    actions  TEXT NOT NULL
) STRICT;

-- What rules made of a flow: id = flow << 2 | kind. 0 and 1: the bodies of request and response that were sent instead
-- of those that came, without content coding; 2: which rules did what, in JSON.
CREATE TABLE changes (
    id   INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;

-- The names of the rules that touched a flow, with commas between them.
ALTER TABLE flows ADD COLUMN rules TEXT NOT NULL DEFAULT '';
ALTER TABLE trash ADD COLUMN rules TEXT NOT NULL DEFAULT '';
