-- Everything the embedded store keeps. Times are milliseconds since 1970 by SQLite's clock; hashes
-- are 32 bytes. The tables and their meaning are those of the PostgreSQL store.

CREATE TABLE bundle (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    request TEXT NOT NULL,
    tags TEXT NOT NULL,
    total INTEGER NOT NULL CHECK (total >= 0),
    dropped INTEGER NOT NULL CHECK (dropped >= 0),
    status INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 5),
    cancel INTEGER NOT NULL DEFAULT 0 CHECK (cancel IN (0, 1)),
    revision INTEGER NOT NULL DEFAULT 1,
    rank INTEGER NOT NULL CHECK (rank BETWEEN 0 AND 2000),
    turn_base INTEGER NOT NULL DEFAULT 0,
    trace TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    CHECK ((finished_at IS NOT NULL) = (status >= 3))
) STRICT;
CREATE INDEX bundle_unfinished ON bundle (id) WHERE finished_at IS NULL;

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    bundle_id BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bundle_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    spec_key BLOB NOT NULL CHECK (length(spec_key) = 32),
    rank INTEGER NOT NULL,
    turn INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    status INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 4),
    hold INTEGER NOT NULL DEFAULT 0 CHECK (hold BETWEEN 0 AND 7),
    not_before INTEGER,
    source_since INTEGER,
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    suspect INTEGER NOT NULL DEFAULT 0 CHECK (suspect IN (0, 1)),
    started INTEGER NOT NULL DEFAULT 0 CHECK (started IN (0, 1)),
    cancel INTEGER NOT NULL DEFAULT 0 CHECK (cancel IN (0, 1)),
    cached INTEGER NOT NULL DEFAULT 0 CHECK (cached IN (0, 1)),
    worker_id INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    result_key BLOB,
    error_code TEXT,
    error_message TEXT,
    CHECK (status <> 1 OR worker_id IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX job_of_bundle ON job (bundle_id, seq);
CREATE INDEX job_claimable ON job (rank, turn, created_at, id) WHERE status = 0 AND hold = 0;
CREATE INDEX job_running ON job (worker_id) WHERE status = 1;
CREATE INDEX job_backing_off ON job (not_before) WHERE hold & 2 <> 0;

CREATE TABLE job_progress (
    job_id INTEGER PRIMARY KEY,
    bundle_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    fraction REAL NOT NULL
) STRICT;
CREATE INDEX job_progress_of_bundle ON job_progress (bundle_id);

CREATE TABLE result (
    key BLOB NOT NULL PRIMARY KEY CHECK (length(key) = 32),
    outcome_hash BLOB NOT NULL CHECK (length(outcome_hash) = 32),
    data_hash BLOB NOT NULL CHECK (length(data_hash) = 32),
    metrics TEXT NOT NULL,
    summary TEXT NOT NULL,
    daily_returns BLOB NOT NULL,
    detail BLOB NOT NULL,
    engine_version TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE result_conflict (
    key BLOB NOT NULL,
    outcome_hash BLOB NOT NULL,
    job_id INTEGER NOT NULL,
    detail BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (key, outcome_hash, job_id)
) STRICT;

CREATE TABLE attempt (
    job_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id INTEGER,
    started_at INTEGER,
    ended_at INTEGER NOT NULL,
    ended_by TEXT NOT NULL,
    PRIMARY KEY (job_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE bundle_slot (
    bundle_id BLOB NOT NULL,
    slot INTEGER NOT NULL,
    completed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    cached INTEGER NOT NULL DEFAULT 0,
    running INTEGER NOT NULL DEFAULT 0,
    candles_per_second REAL NOT NULL DEFAULT 0,
    changes INTEGER NOT NULL DEFAULT 0,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (bundle_id, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX bundle_slot_of_worker ON bundle_slot (slot);

CREATE TABLE worker (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    slots INTEGER NOT NULL,
    presence INTEGER NOT NULL DEFAULT 0 CHECK (presence IN (0, 1)),
    draining INTEGER NOT NULL DEFAULT 0 CHECK (draining IN (0, 1)),
    lease_ms INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    left_at INTEGER
) STRICT;

CREATE TABLE data_version (
    source TEXT NOT NULL,
    series TEXT NOT NULL,
    range_start INTEGER NOT NULL,
    range_end INTEGER NOT NULL,
    warmup INTEGER NOT NULL,
    hash BLOB NOT NULL,
    revision INTEGER NOT NULL,
    closed INTEGER NOT NULL CHECK (closed IN (0, 1)),
    probed_at INTEGER NOT NULL,
    PRIMARY KEY (source, series, range_start, range_end, warmup)
) STRICT, WITHOUT ROWID;

CREATE TABLE segment_version (
    source TEXT NOT NULL,
    series TEXT NOT NULL,
    segment INTEGER NOT NULL,
    hash BLOB NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (source, series, segment)
) STRICT, WITHOUT ROWID;

CREATE TABLE bundle_pin (
    bundle_id BLOB NOT NULL,
    source TEXT NOT NULL,
    series TEXT NOT NULL,
    segment INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (bundle_id, source, series, segment)
) STRICT, WITHOUT ROWID;

CREATE TABLE replay (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL,
    status INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 4),
    attempt INTEGER NOT NULL DEFAULT 0,
    worker_id INTEGER,
    created_at INTEGER NOT NULL,
    answer TEXT,
    CHECK (status <> 1 OR worker_id IS NOT NULL)
) STRICT;
CREATE INDEX replay_claimable ON replay (id) WHERE status = 0;
CREATE INDEX replay_running ON replay (worker_id) WHERE status = 1;

CREATE TABLE signal (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    owner TEXT NOT NULL,
    data BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
