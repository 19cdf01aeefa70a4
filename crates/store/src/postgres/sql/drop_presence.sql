-- $1 worker -> whether this session held its presence lock.
SELECT pg_advisory_unlock((16967::bigint << 48) | $1)
