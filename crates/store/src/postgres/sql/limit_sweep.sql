-- A sweep gives up well within a lease: while it runs its row of the lease is locked, and a beat
-- waits for it. Where the machine of its node dies or freezes in between, the server ends the session: nobody
-- could take the lease before.
SELECT set_config('statement_timeout', '2s', true),
    set_config('idle_in_transaction_session_timeout', '2s', true)
