-- -> bundles whose jobs are all final though the bundle is not. Needs bundle_unfinished.
SELECT id FROM bundle WHERE finished_at IS NULL AND total = (
    SELECT coalesce(sum(completed + failed + cancelled), 0)
    FROM bundle_slot WHERE bundle_id = bundle.id
)
