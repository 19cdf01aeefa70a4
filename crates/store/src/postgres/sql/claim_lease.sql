-- $1 kind, $2 key, $3 owner, $4 generation, $5 lease in seconds -> its epoch; no row where another
-- holds it or a later process has taken the owner's id. One statement: of racers one gets a row.
INSERT INTO lease (kind, key, owner, generation, epoch, expires_at)
SELECT $1, $2, id, generation, 1, now() + make_interval(secs => $5)
FROM api_node WHERE id = $3 AND generation = $4
ON CONFLICT (kind, key) DO UPDATE SET
    owner = excluded.owner, generation = excluded.generation, epoch = lease.epoch + 1,
    expires_at = excluded.expires_at
WHERE lease.expires_at <= now()
    OR lease.owner = excluded.owner AND lease.generation < excluded.generation
RETURNING epoch
