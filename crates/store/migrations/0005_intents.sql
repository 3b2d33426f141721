-- Signed intents: the keys of accounts, and balance that moves from one account to another.
ALTER TABLE accounts ADD COLUMN keys jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN accounts.keys IS 'Keys that may sign intents, as the view `intent_keys` answers them; amounts are strings.';

ALTER TABLE ledger DROP CONSTRAINT ledger_kind_check;
ALTER TABLE ledger ADD CONSTRAINT ledger_kind_check
    CHECK (kind IN ('deposit', 'withdraw', 'restore', 'escrow', 'pay', 'refund', 'revenue', 'transfer'));
COMMENT ON COLUMN ledger.kind IS 'deposit: from outside or from claimed stake; withdraw: sent out; restore: a failed transfer came back; escrow: locked in a batch; pay: reward of a settled slot; refund: escrow returned; revenue: a share of an epoch''s fees; transfer: to or from another account, by a signed intent.';
