-- $1 hash, $2 owner, $3 packed rows -> the hash, if no such column was there.
INSERT INTO signal (hash, owner, data) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING
RETURNING hash
