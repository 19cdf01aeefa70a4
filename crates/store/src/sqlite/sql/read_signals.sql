-- ?1 hash of a column -> its packed rows.
SELECT data FROM signal WHERE hash = ?1
