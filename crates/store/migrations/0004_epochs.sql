-- Epochs: what ended ones pay, and the nodes' parts in them.
ALTER TABLE config ADD COLUMN revenue jsonb;
COMMENT ON COLUMN config.revenue IS 'The running epoch and what the one before pays, as the view `revenue` answers it; amounts are strings.';

ALTER TABLE nodes
    ADD COLUMN epoch_counted bigint NOT NULL DEFAULT 0,
    ADD COLUMN epoch_tickets smallint NOT NULL DEFAULT 0,
    ADD COLUMN epoch_before smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN nodes.epoch_counted IS 'One more than the number of the last epoch in which the node settled a lot; 0 if it never did.';
COMMENT ON COLUMN nodes.epoch_tickets IS 'Tickets that count in that epoch.';
COMMENT ON COLUMN nodes.epoch_before IS 'Tickets that counted in the epoch before it and are not collected.';

ALTER TABLE ledger DROP CONSTRAINT ledger_kind_check;
ALTER TABLE ledger ADD CONSTRAINT ledger_kind_check
    CHECK (kind IN ('deposit', 'withdraw', 'restore', 'escrow', 'pay', 'refund', 'revenue'));
COMMENT ON COLUMN ledger.kind IS 'deposit: from outside or from claimed stake; withdraw: sent out; restore: a failed transfer came back; escrow: locked in a batch; pay: reward of a settled slot; refund: escrow returned; revenue: a share of an epoch''s fees.';
