-- $1 id, $2 generation, $3 lease in seconds -> the leases it holds now, renewed, or one row of
-- nulls; no row where a later process has taken the id. Needs lease_of_owner.
WITH node AS (
    UPDATE api_node SET last_seen = clock_timestamp() WHERE id = $1 AND generation = $2
    RETURNING last_seen
), renewed AS (
    UPDATE lease SET expires_at = now() + make_interval(secs => $3)
    WHERE owner = $1 AND generation = $2 AND expires_at > now() AND EXISTS (SELECT 1 FROM node)
    RETURNING kind, key, epoch
)
SELECT floor(extract(epoch FROM node.last_seen) * 1000)::bigint AS seen_at, kind, key, epoch
FROM node LEFT JOIN renewed ON true
