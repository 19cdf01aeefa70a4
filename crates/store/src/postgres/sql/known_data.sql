-- $1 needs -> what was recorded of them, unless a segment of it was corrected since, and the seconds
-- since a worker looked.
SELECT v.need, v.source, v.parts::text AS parts, v.hash, v.revision, v.closed, v.covered,
    v.missing, v.fingerprint, v.segments::text AS segments,
    extract(epoch FROM now() - v.probed_at)::float8 AS age
FROM data_version v
WHERE v.need = ANY ($1::bytea[]) AND v.revision = (
    SELECT coalesce(sum(s.revision), 0)
    FROM jsonb_to_recordset(v.parts) AS part (stored text, "from" bigint, "to" bigint)
    JOIN segment_version s ON s.source = v.source AND s.series = part.stored
        AND s.segment < part."to" AND s.segment_end > part."from"
)
