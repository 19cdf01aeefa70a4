-- Says that jobs became claimable elsewhere than at the end of the queue. Run it after the commit
-- that made them so: who reads the old number before did not miss them in what it read.
SELECT nextval('queue_epoch')
