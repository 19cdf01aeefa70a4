-- ?1 result key -> the outcome hash that stands.
SELECT outcome_hash FROM result WHERE key = ?1
