-- API keys, API nodes, leases with fencing epochs, and which programs may use this schema.

CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    owner TEXT NOT NULL CHECK (owner <> ''),
    name TEXT NOT NULL DEFAULT '',
    scopes INTEGER NOT NULL CHECK (scopes BETWEEN 1 AND 7),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE TABLE api_node (
    id TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL CHECK (generation > 0),
    url TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    left_at INTEGER
) STRICT;

CREATE TABLE lease (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    owner TEXT NOT NULL,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL CHECK (epoch > 0),
    expires_at INTEGER NOT NULL,
    next_wake_at INTEGER,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_of_owner ON lease (owner, generation);

-- Programs that need this version of the schema, or a later one up to the newest here, may use it.
CREATE TABLE schema_floor (oldest INTEGER NOT NULL) STRICT;
INSERT INTO schema_floor (oldest) VALUES (1);
