-- $1 worker -> one row if it is there.
UPDATE worker SET draining = true WHERE id = $1 AND left_at IS NULL RETURNING id
