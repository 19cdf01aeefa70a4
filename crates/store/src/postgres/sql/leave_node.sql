-- $1 id, $2 generation: its leases end at once. Needs lease_of_owner.
WITH node AS (
    UPDATE api_node SET left_at = now() WHERE id = $1 AND generation = $2
)
UPDATE lease SET expires_at = now()
WHERE owner = $1 AND generation = $2 AND expires_at > now()
