-- $1 owner, $2 jobs that may run at once. Its row stays locked: submits of one owner take turns.
INSERT INTO owner_cap (owner, running) VALUES ($1, $2)
ON CONFLICT (owner) DO UPDATE SET running = excluded.running
