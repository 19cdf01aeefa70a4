-- ?1 bundle, ?2 slot (worker, 0 = API and reaper), ?3 completed, ?4 failed, ?5 cancelled,
-- ?6 cached, ?7 running: what to add; ?8 now. One change of the bundle's version.
INSERT INTO bundle_slot AS slot
    (bundle_id, slot, completed, failed, cancelled, cached, running, changes, changed_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)
ON CONFLICT (bundle_id, slot) DO UPDATE SET
    completed = slot.completed + excluded.completed, failed = slot.failed + excluded.failed,
    cancelled = slot.cancelled + excluded.cancelled, cached = slot.cached + excluded.cached,
    running = slot.running + excluded.running,
    candles_per_second =
        iif(slot.running + excluded.running > 0, slot.candles_per_second, 0.0),
    changes = slot.changes + 1, changed_at = excluded.changed_at
