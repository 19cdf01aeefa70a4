-- -> whether this transaction may maintain (one does at a time, namespace 16968), and for how many
-- seconds the server has been up.
SELECT pg_try_advisory_xact_lock(16968::bigint << 48),
    extract(epoch FROM now() - pg_postmaster_start_time())::float8
