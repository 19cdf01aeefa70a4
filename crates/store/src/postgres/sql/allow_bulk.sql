-- Statements of this transaction may take as long as a bundle of a million jobs needs.
SELECT set_config('statement_timeout', '300s', true)
