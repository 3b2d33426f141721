-- The configuration is mirrored together with who governs it.
COMMENT ON TABLE config IS 'Who governs the contract and what holds: one row once it is journalled.';
COMMENT ON COLUMN config.config IS 'Owner, roles, paused features, proposals and configuration as the view `settings` answers them; amounts are strings.';
