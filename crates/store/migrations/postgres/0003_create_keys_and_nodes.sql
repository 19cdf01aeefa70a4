-- API keys, API nodes, leases with fencing epochs, and which programs may use this schema.

CREATE TABLE api_key (
    id text PRIMARY KEY,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    owner text NOT NULL CHECK (owner <> ''),
    name text NOT NULL DEFAULT '',
    scopes smallint NOT NULL CHECK (scopes BETWEEN 1 AND 7),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON COLUMN api_key.hash IS 'SHA-256 of the secret, which nobody keeps';
COMMENT ON COLUMN api_key.scopes IS 'bits: 1 read, 2 submit, 4 admin';

CREATE TABLE api_node (
    id text PRIMARY KEY,
    generation bigint NOT NULL CHECK (generation > 0),
    url text NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON COLUMN api_node.generation IS 'one more at each start of a process under this id';

CREATE TABLE lease (
    kind text NOT NULL,
    key text NOT NULL,
    owner text NOT NULL,
    generation bigint NOT NULL,
    epoch bigint NOT NULL CHECK (epoch > 0),
    expires_at timestamptz NOT NULL,
    next_wake_at timestamptz,
    PRIMARY KEY (kind, key)
) WITH (fillfactor = 50);
CREATE INDEX lease_of_owner ON lease (owner, generation);
COMMENT ON TABLE lease IS 'rows stay when a lease ends: an epoch is never given twice';

-- Programs that need this version of the schema, or a later one up to the newest here, may use it.
CREATE TABLE schema_floor (oldest bigint NOT NULL);
INSERT INTO schema_floor (oldest) VALUES (1);

-- Unlogged tables cannot be read on a streaming replica. Sessions there look into this schema first
-- and find a table without rows: progress is unknown, everything else is as on the primary.
CREATE SCHEMA backfleet_replica;
CREATE TABLE backfleet_replica.job_progress (LIKE job_progress);
