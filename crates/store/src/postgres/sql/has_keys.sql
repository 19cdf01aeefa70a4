-- -> whether there ever was a key.
SELECT EXISTS (SELECT 1 FROM api_key)
