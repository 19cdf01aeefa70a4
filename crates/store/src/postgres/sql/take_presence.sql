-- $1 worker -> whether this session now holds its presence lock. Session-level, namespace 16967.
SELECT pg_try_advisory_lock((16967::bigint << 48) | $1)
