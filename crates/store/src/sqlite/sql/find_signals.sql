-- ?1 hash of a column -> whether it is there.
SELECT EXISTS (SELECT 1 FROM signal WHERE hash = ?1)
