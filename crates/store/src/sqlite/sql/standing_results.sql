-- ?1 JSON list of result keys in hex -> those that stand, with their outcome hash.
SELECT key, outcome_hash FROM result WHERE key IN (SELECT unhex(value) FROM json_each(?1))
