-- No statement of this transaction waits longer for a lock.
SELECT set_config('lock_timeout', '5s', true)
