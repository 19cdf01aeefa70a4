-- ?1 source, ?2 series -> start, end and revision of the segments that were ever corrected.
SELECT segment, segment_end, revision FROM segment_version
WHERE source = ?1 AND series = ?2 AND revision > 0
