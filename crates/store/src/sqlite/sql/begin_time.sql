-- -> now, in milliseconds by SQLite's clock. The one time of a transaction.
SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER)
