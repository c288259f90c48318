-- The newest key list that was taken from each partner: its number never goes back.

CREATE TABLE key_lists (
    partner TEXT NOT NULL,
    recipient TEXT NOT NULL,      -- the holder within the partner; empty for the partner itself
    identity TEXT NOT NULL,       -- the id of the key that signed it
    number INTEGER NOT NULL,
    sha256 BLOB NOT NULL,         -- of the list's payload
    text TEXT NOT NULL,           -- the JWS
    PRIMARY KEY (partner, recipient, identity)
) STRICT, WITHOUT ROWID;
