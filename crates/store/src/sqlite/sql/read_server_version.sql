-- -> SQLite's version.
SELECT sqlite_version()
