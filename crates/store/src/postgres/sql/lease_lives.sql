-- $1 kind, $2 key -> whether somebody holds the lease.
SELECT EXISTS (SELECT 1 FROM lease WHERE kind = $1 AND key = $2 AND expires_at > now())
