-- The tables of a store. Entries are only ever inserted; the other tables either find them or hold
-- what they name. Hashes, ids and references are raw bytes. seq counts from 0 without gaps.

CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    leaf BLOB NOT NULL,           -- SHA-256(0x00 || bytes), RFC 6962
    bytes BLOB NOT NULL,          -- canonical JSON, RFC 8785
    lines BLOB                    -- subject lines of a disclosure or refusal
) STRICT;

-- One row: the right edge of the tree over all entries, and the ledger's size right after the
-- newest consent event. Whoever appends holds this row.
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    frontier BLOB NOT NULL,
    consents INTEGER NOT NULL
) STRICT;
INSERT INTO head (one, frontier, consents) VALUES (1, x'0000000000000000', 0);

-- Version 7 ids rise with time, so this grows at its right edge.
CREATE TABLE decisions (
    did BLOB PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outcomes (
    disclosure INTEGER PRIMARY KEY,  -- seq of the disclosure
    seq INTEGER NOT NULL
) STRICT;

CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL,           -- C2SP signed note
    frontier BLOB                 -- kept for the newest few, to check the tail at a start
) STRICT;

CREATE TABLE subjects (
    ref BLOB PRIMARY KEY,         -- keyed hash of the identifier, which is not kept
    key BLOB NOT NULL             -- the subject's own key, wrapped
) STRICT, WITHOUT ROWID;

-- Records are some KiB, so they lie in a table that grows at its end, with two slim indexes.
CREATE TABLE consents (
    number INTEGER PRIMARY KEY,
    subject BLOB NOT NULL,
    seq INTEGER NOT NULL,         -- the record's last event
    record BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL            -- canonical JSON
) STRICT;
CREATE INDEX consents_of_subject ON consents (subject);
