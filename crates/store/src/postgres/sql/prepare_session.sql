-- A session's settings: a backstop for calls whose client has given up; and no JIT, which costs more
-- than it gains on statements this small.
SELECT set_config('jit', 'off', false), set_config('statement_timeout', '60s', false),
    set_config('idle_in_transaction_session_timeout', '60s', false)
