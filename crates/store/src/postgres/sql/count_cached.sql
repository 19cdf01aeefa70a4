-- $1 bundle, $2 jobs completed at insert.
INSERT INTO bundle_slot (bundle_id, slot, completed, cached, changes) VALUES ($1, 0, $2, $2, 1)
