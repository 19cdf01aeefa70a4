-- -> owners with jobs that wait for their cap. Needs bundle_unfinished.
SELECT DISTINCT owner FROM bundle
WHERE finished_at IS NULL AND released < total AND NOT cancel
ORDER BY owner
