-- -> oldest version of the schema that a program may need to use this one.
SELECT coalesce(max(oldest), 0) FROM schema_floor
