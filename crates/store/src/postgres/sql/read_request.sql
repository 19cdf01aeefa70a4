-- $1 bundle -> the request as stored.
SELECT request::text FROM bundle WHERE id = $1
