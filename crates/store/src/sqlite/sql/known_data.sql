-- ?1 JSON list of needs in hex, ?2 now -> what was recorded of them, unless a segment of it was
-- corrected since, and the seconds since a worker looked.
SELECT v.need, v.source, v.parts, v.hash, v.revision, v.closed, v.covered, v.missing,
    v.fingerprint, v.segments, (?2 - v.probed_at) / 1000.0 AS age
FROM data_version v
WHERE v.need IN (SELECT unhex(value) FROM json_each(?1)) AND v.revision = (
    SELECT coalesce(sum(s.revision), 0)
    FROM json_each(v.parts) AS part
    JOIN segment_version s ON s.source = v.source AND s.series = part.value ->> 'stored'
        AND s.segment < part.value ->> 'to' AND s.segment_end > part.value ->> 'from'
)
