-- $1 owner -> its cap, locked; no row while somebody else holds it.
SELECT running FROM owner_cap WHERE owner = $1 FOR NO KEY UPDATE SKIP LOCKED
