-- Which data stood where and when, replays, fair turns and running caps: as in PostgreSQL.

DROP TABLE data_version;
CREATE TABLE data_version (
    need BLOB NOT NULL PRIMARY KEY CHECK (length(need) = 32),
    source TEXT NOT NULL,
    parts TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    revision INTEGER NOT NULL,
    closed INTEGER NOT NULL CHECK (closed IN (0, 1)),
    covered INTEGER NOT NULL CHECK (covered IN (0, 1)),
    missing INTEGER NOT NULL,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    segments TEXT NOT NULL,
    probed_at INTEGER NOT NULL
) STRICT;

DROP TABLE segment_version;
CREATE TABLE segment_version (
    source TEXT NOT NULL,
    series TEXT NOT NULL,
    segment INTEGER NOT NULL,
    segment_end INTEGER NOT NULL,
    hash BLOB CHECK (length(hash) = 32),
    revision INTEGER NOT NULL,
    PRIMARY KEY (source, series, segment)
) STRICT, WITHOUT ROWID;

ALTER TABLE replay ADD COLUMN ended_at INTEGER;
CREATE INDEX replay_of_job ON replay (job_id, id);

ALTER TABLE bundle ADD COLUMN released INTEGER;
CREATE TABLE owner_cap (
    owner TEXT NOT NULL PRIMARY KEY,
    running INTEGER NOT NULL CHECK (running > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_capped ON job (bundle_id, seq) WHERE hold & 4 <> 0;
