-- Wakes the workers at commit. One a submit, and nowhere else: a commit that notifies takes a lock
-- of the whole server.
SELECT pg_notify('backfleet_jobs', '')
