-- Settings of a session on a replica, which cannot read the unlogged table of progress.
SELECT set_config('search_path', 'backfleet_replica, ' || current_setting('search_path'), false)
