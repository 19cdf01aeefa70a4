-- ?1 source, ?2 series, ?3 start, ?4 end, ?5 hash, ?6 revision known when it was loaded.
-- As in PostgreSQL: another hash under that revision is a correction, a copy older than a
-- correction changes nothing.
INSERT INTO segment_version AS old (source, series, segment, segment_end, hash, revision)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (source, series, segment) DO UPDATE SET
    hash = excluded.hash, segment_end = excluded.segment_end,
    revision = iif(old.hash IS NULL, old.revision, old.revision + 1)
WHERE old.hash IS NOT excluded.hash AND old.revision <= excluded.revision
