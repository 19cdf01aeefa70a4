-- Hears which bundles have changed.
LISTEN backfleet_changes
