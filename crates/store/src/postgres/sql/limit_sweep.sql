-- A sweep gives up well within a lease: while it runs its row of the lease is locked, and a beat
-- waits for it.
SELECT set_config('statement_timeout', '2s', true)
