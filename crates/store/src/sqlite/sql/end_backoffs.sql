-- ?1 now. Needs job_backing_off.
UPDATE job SET hold = hold & ~2, not_before = NULL WHERE hold & 2 <> 0 AND not_before <= ?1
