-- ?1 bundle, ?2 JSON rows [seq, spec key in hex, result key in hex or null], ?3 rank, ?4 now,
-- ?5 jobs of the bundle before these, ?6 first turn, ?7 jobs a turn (0: all in turn 0), ?8 how many
-- jobs may be claimable or null.
-- A job whose result stands is Completed at once.
INSERT INTO job
    (bundle_id, seq, spec_key, rank, created_at, status, cached, result_key, finished_at, turn, hold)
SELECT ?1, new.value ->> 0, unhex(new.value ->> 1), ?3, ?4, iif(result.key IS NULL, 0, 2),
    result.key IS NOT NULL, result.key, iif(result.key IS NULL, NULL, ?4),
    iif(?7 > 0, ?6 + (?5 + new.key) / ?7, 0),
    iif(result.key IS NULL AND ?5 + new.key >= ?8, 4, 0)
FROM json_each(?2) AS new LEFT JOIN result ON result.key = unhex(new.value ->> 2)
ORDER BY new.key
