-- One element a version: $1 needs, $2 sources, $3 parts, $4 hashes, $5 revisions, $6 closed,
-- $7 covered, $8 missing, $9 fingerprints, $10 segments. The newest look stands.
INSERT INTO data_version AS old (need, source, parts, hash, revision, closed, covered, missing,
    fingerprint, segments)
SELECT need, source, parts::jsonb, hash, revision, closed, covered, missing, fingerprint,
    segments::json
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::boolean[], $7::boolean[],
    $8::bigint[], $9::bytea[], $10::text[]
) AS new (need, source, parts, hash, revision, closed, covered, missing, fingerprint, segments)
ORDER BY need
ON CONFLICT (need) DO UPDATE SET
    source = excluded.source, parts = excluded.parts, hash = excluded.hash,
    revision = excluded.revision, closed = excluded.closed, covered = excluded.covered,
    missing = excluded.missing, fingerprint = excluded.fingerprint, segments = excluded.segments,
    probed_at = now()
WHERE old.revision <= excluded.revision
