-- ?1 worker, ?2 now.
UPDATE worker SET left_at = ?2 WHERE id = ?1 AND left_at IS NULL
