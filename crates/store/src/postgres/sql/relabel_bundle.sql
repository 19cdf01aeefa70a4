-- $1 bundle, $2 rank or null to keep it, $3 tags as a JSON merge patch (RFC 7396) -> one row if
-- anything changed.
UPDATE bundle SET
    rank = coalesce($2::smallint, rank), tags = jsonb_strip_nulls(tags || $3::text::jsonb),
    revision = revision + 1
WHERE id = $1 AND (
    rank <> coalesce($2, rank) OR tags <> jsonb_strip_nulls(tags || $3::text::jsonb)
)
RETURNING id
