-- $1 result keys -> those that stand, with their outcome hash.
SELECT key, outcome_hash FROM result WHERE key = ANY ($1::bytea[])
