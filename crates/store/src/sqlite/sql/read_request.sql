-- ?1 bundle -> the request as stored.
SELECT request FROM bundle WHERE id = ?1
