-- ?1 hash, ?2 owner, ?3 packed rows, ?4 now -> the hash, if no such column was there.
INSERT INTO signal (hash, owner, data, created_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (hash) DO NOTHING
RETURNING hash
