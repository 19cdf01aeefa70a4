-- $1 payloads: tells the API nodes which bundles have changed. A hint: nobody waits for the disk.
SELECT set_config('synchronous_commit', 'off', true), pg_notify('backfleet_changes', payload)
FROM unnest($1::text[]) payload
