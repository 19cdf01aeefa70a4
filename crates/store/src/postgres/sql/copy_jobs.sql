-- One row a job, in binary: bundle, seq, spec key, rank. Ids rise with the order of the rows; everything
-- else is the column's default.
COPY job (bundle_id, seq, spec_key, rank) FROM STDIN (FORMAT binary)
