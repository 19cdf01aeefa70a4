-- Which data stood where and when, replays, fair turns and running caps.
-- The tables that are made anew were never written before.

DROP TABLE data_version;
CREATE TABLE data_version (
    need bytea PRIMARY KEY CHECK (octet_length(need) = 32),
    source text NOT NULL,
    parts jsonb NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    revision bigint NOT NULL,
    closed boolean NOT NULL,
    covered boolean NOT NULL,
    missing bigint NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    segments json NOT NULL,
    probed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN data_version.parts IS '[{asked, stored, from, to}]: the stretches that were read';
COMMENT ON COLUMN data_version.revision IS 'sum over the segments of all parts, read before the load';

DROP TABLE segment_version;
CREATE TABLE segment_version (
    source text NOT NULL,
    series text NOT NULL,
    segment bigint NOT NULL,
    segment_end bigint NOT NULL,
    hash bytea CHECK (octet_length(hash) = 32),
    revision bigint NOT NULL,
    PRIMARY KEY (source, series, segment)
);
COMMENT ON COLUMN segment_version.hash IS 'null after a correction, until a worker has the new one';

ALTER TABLE replay ADD COLUMN ended_at timestamptz;
CREATE INDEX replay_of_job ON replay (job_id, id);

ALTER TABLE bundle ADD COLUMN released bigint;
COMMENT ON COLUMN bundle.released IS 'jobs without hold bit 4, ended ones included; null: no cap';
CREATE TABLE owner_cap (
    owner text PRIMARY KEY,
    running bigint NOT NULL CHECK (running > 0)
);
CREATE INDEX job_capped ON job (bundle_id, seq) WHERE hold & 4 <> 0;

-- Moves after each commit that made jobs claimable anywhere but at the end of the queue.
CREATE SEQUENCE queue_epoch;
