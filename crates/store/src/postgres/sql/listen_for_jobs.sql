-- Hears of submits.
LISTEN backfleet_jobs
