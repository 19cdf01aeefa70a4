-- A session's settings: a backstop for calls whose client has given up; no JIT, which costs more
-- than it gains on statements this small; and no sort where an index has the order: right after a
-- large submit the statistics know nothing of it, and a claim would read and sort the whole queue
-- (207 ms instead of 2 with 62,000 jobs pending). Statements that lock rows in the order of their ids
-- say ORDER BY id + 0, or they would read the whole table in the order of its key.
SELECT set_config('jit', 'off', false), set_config('enable_sort', 'off', false),
    set_config('statement_timeout', '60s', false),
    set_config('idle_in_transaction_session_timeout', '60s', false)
