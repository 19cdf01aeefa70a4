-- ?1 source, ?2 series, ?3 start, ?4 hash -> whether it is not what is on record.
SELECT EXISTS (
    SELECT 1 FROM segment_version
    WHERE source = ?1 AND series = ?2 AND segment = ?3 AND hash IS NOT ?4
)
