-- $1 bundle -> status and cancel flag. The row's lock is the turn order of decisions about it.
SELECT status, cancel FROM bundle WHERE id = $1 FOR UPDATE
