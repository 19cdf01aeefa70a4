-- $1 host, $2 version, $3 slots, $4 lease in milliseconds -> a fresh worker id.
INSERT INTO worker (host, version, slots, lease_ms) VALUES ($1, $2, $3, $4) RETURNING id
