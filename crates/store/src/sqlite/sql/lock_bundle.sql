-- ?1 bundle -> status and cancel flag.
SELECT status, cancel FROM bundle WHERE id = ?1
