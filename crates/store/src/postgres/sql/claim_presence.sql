-- $1 worker. A presence lock backs its lease from now on.
UPDATE worker SET presence = true WHERE id = $1
