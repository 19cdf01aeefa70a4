-- $1 bundle, $2 rank, $3 seqs, $4 spec keys. Ids rise with seq.
INSERT INTO job (bundle_id, seq, spec_key, rank, created_at)
SELECT $1::uuid, seq, spec_key, $2::smallint, now()
FROM unnest($3::integer[], $4::bytea[]) AS new (seq, spec_key)
ORDER BY seq
