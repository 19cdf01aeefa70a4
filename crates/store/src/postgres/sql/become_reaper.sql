-- -> whether this transaction may maintain (one does at a time, namespace 16968), and for how many
-- seconds the server has been up. Where the machine freezes or dies before the commit, the server ends the
-- session soon: nobody else may maintain before.
SELECT pg_try_advisory_xact_lock(16968::bigint << 48),
    extract(epoch FROM now() - pg_postmaster_start_time())::float8,
    set_config('idle_in_transaction_session_timeout', '5s', true)
