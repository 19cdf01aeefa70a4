-- ?1 worker that died, ?2 now, ?3 attempts allowed, ?4 answer of a replay that used them up.
UPDATE replay SET
    status = iif(attempt >= ?3, 3, 0), answer = iif(attempt >= ?3, ?4, NULL),
    ended_at = iif(attempt >= ?3, ?2, NULL), worker_id = NULL
WHERE worker_id = ?1 AND status = 1
