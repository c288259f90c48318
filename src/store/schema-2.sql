-- Blocks beside the consents, counts for quotas, and the rule files of all times.

ALTER TABLE consents RENAME TO records;
ALTER TABLE records ADD COLUMN kind TEXT NOT NULL DEFAULT 'consent'
    CHECK (kind IN ('consent', 'block'));
DROP INDEX consents_of_subject;
CREATE INDEX records_of_subject ON records (subject, seq);
CREATE INDEX blocks ON records (seq) WHERE kind = 'block';

-- The ledger's size right after the newest event of a record.
ALTER TABLE head RENAME COLUMN consents TO records;

-- What has gone to partners with a quota; days are those of Kazakhstan, 2026-11-22. The newest two
-- days are kept.
CREATE TABLE quota_used (
    day TEXT NOT NULL,
    partner TEXT NOT NULL,
    subjects INTEGER NOT NULL,
    records INTEGER NOT NULL,
    PRIMARY KEY (day, partner)
) STRICT, WITHOUT ROWID;
CREATE TABLE quota_subjects (
    day TEXT NOT NULL,
    partner TEXT NOT NULL,
    subject BLOB NOT NULL,
    PRIMARY KEY (day, partner, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE rule_files (
    sha256 BLOB PRIMARY KEY NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
