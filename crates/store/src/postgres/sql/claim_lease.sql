-- $1 kind, $2 key, $3 owner, $4 generation, $5 lease in seconds -> its epoch; no row where another
-- holds it or a later process has taken the owner's id. One statement: of racers one gets a row. It never
-- waits: a row that is locked is another's, be it only until the session of a frozen holder is ended.
WITH node AS (
    SELECT id, generation FROM api_node WHERE id = $3 AND generation = $4
), free AS (
    SELECT kind, key FROM lease
    WHERE kind = $1 AND key = $2
        AND (expires_at <= now() OR owner = $3 AND generation < $4)
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE lease SET
        owner = node.id, generation = node.generation, epoch = lease.epoch + 1,
        expires_at = now() + make_interval(secs => $5)
    FROM free, node
    WHERE lease.kind = free.kind AND lease.key = free.key
    RETURNING epoch
), created AS (
    INSERT INTO lease (kind, key, owner, generation, epoch, expires_at)
    SELECT $1, $2, id, generation, 1, now() + make_interval(secs => $5) FROM node
    WHERE NOT EXISTS (SELECT 1 FROM lease WHERE kind = $1 AND key = $2)
    ON CONFLICT (kind, key) DO NOTHING
    RETURNING epoch
)
SELECT epoch FROM taken UNION ALL SELECT epoch FROM created
