-- ?1 job, ?2 error code, ?3 error message.
UPDATE job SET error_code = ?2, error_message = ?3 WHERE id = ?1
