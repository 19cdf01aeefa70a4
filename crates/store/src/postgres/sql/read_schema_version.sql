-- -> version of the schema, 0 where there is none.
SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success
