-- ?1 need, ?2 source, ?3 parts, ?4 hash, ?5 revision, ?6 closed, ?7 covered, ?8 missing,
-- ?9 fingerprint, ?10 segments, ?11 now. The newest look stands.
INSERT INTO data_version AS old (need, source, parts, hash, revision, closed, covered, missing,
    fingerprint, segments, probed_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (need) DO UPDATE SET
    source = excluded.source, parts = excluded.parts, hash = excluded.hash,
    revision = excluded.revision, closed = excluded.closed, covered = excluded.covered,
    missing = excluded.missing, fingerprint = excluded.fingerprint, segments = excluded.segments,
    probed_at = excluded.probed_at
WHERE old.revision <= excluded.revision
