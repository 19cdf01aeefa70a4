-- ?1 host, ?2 version, ?3 slots, ?4 lease in milliseconds, ?5 now -> a fresh worker id.
INSERT INTO worker (host, version, slots, presence, lease_ms, started_at, beat_at)
VALUES (?1, ?2, ?3, 1, ?4, ?5, ?5)
RETURNING id
