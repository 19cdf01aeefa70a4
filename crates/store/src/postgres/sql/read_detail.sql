-- $1 result key -> the heavy part of a result.
SELECT daily_returns, detail FROM result WHERE key = $1
