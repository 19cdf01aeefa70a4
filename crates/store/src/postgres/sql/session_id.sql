-- -> the server's process that runs this statement: not the same twice behind a pooler.
SELECT pg_backend_pid()
