-- ?1 source, ?2 series, ?3 start, ?4 end. What was recorded of it is void from now on.
INSERT INTO segment_version AS old (source, series, segment, segment_end, hash, revision)
VALUES (?1, ?2, ?3, ?4, NULL, 1)
ON CONFLICT (source, series, segment) DO UPDATE SET
    revision = old.revision + 1, hash = NULL, segment_end = excluded.segment_end
