-- $1 bundle, $2 jobs that do not wait for the cap.
UPDATE bundle SET released = $2 WHERE id = $1
