-- What a worker writes is made ready by it: the server neither compresses nor moves what it need not.

-- Metrics and summary are read with every row of a list and are small: they stay in the row, and the
-- attempt to compress them costs more than it gains. Daily returns do not compress; the outcome comes
-- compressed. What does not fit into half a page goes out, the largest first.
ALTER TABLE result ALTER COLUMN metrics SET STORAGE EXTERNAL;
ALTER TABLE result ALTER COLUMN summary SET STORAGE EXTERNAL;
ALTER TABLE result ALTER COLUMN daily_returns SET STORAGE EXTERNAL;
ALTER TABLE result SET (toast_tuple_target = 4080);

-- Jobs are copied in, and a copied row takes its time from here.
ALTER TABLE job ALTER COLUMN created_at SET DEFAULT now();
