-- ?1 bundle, ?2 rank or null to keep it, ?3 tags as a JSON merge patch (RFC 7396) -> one row if
-- anything changed.
UPDATE bundle SET
    rank = coalesce(?2, rank), tags = json_patch(tags, ?3), revision = revision + 1
WHERE id = ?1 AND (rank <> coalesce(?2, rank) OR json(tags) <> json_patch(tags, ?3))
RETURNING id
