-- $1 id, $2 owner, $3 name, $4 folded name, $5 request, $6 tags, $7 total, $8 dropped, $9 rank,
-- $10 trace.
INSERT INTO bundle (id, owner, name, name_folded, request, tags, total, dropped, rank, trace)
VALUES ($1, $2, $3, $4, $5::text::json, $6::text::jsonb, $7, $8, $9, $10)
