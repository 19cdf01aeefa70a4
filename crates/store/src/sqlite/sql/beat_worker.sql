-- ?1 worker, ?2 now -> whether it is to drain; no row if there is no such worker.
UPDATE worker SET beat_at = ?2 WHERE id = ?1 RETURNING draining
