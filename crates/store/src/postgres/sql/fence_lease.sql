-- $1 kind, $2 key, $3 owner, $4 generation, $5 epoch, $6 seconds to the next wake -> a row if the
-- lease is still held. First statement of each transaction that a holder writes: its lock keeps the
-- lease from moving before the commit.
UPDATE lease SET next_wake_at = now() + make_interval(secs => $6)
WHERE kind = $1 AND key = $2 AND owner = $3 AND generation = $4 AND epoch = $5
    AND expires_at > now()
RETURNING epoch
