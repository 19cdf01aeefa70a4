-- $1 worker.
UPDATE worker SET left_at = now(), presence = false WHERE id = $1 AND left_at IS NULL
