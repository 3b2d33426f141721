-- Gold, challenges, juries, adjudicators, and contracts that are told of a batch's end.
ALTER TABLE batches
    ADD COLUMN gold_root bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(gold_root) = 32),
    ADD COLUMN callback jsonb;
COMMENT ON COLUMN batches.gold_root IS 'Root of the gold tree; zeros without gold.';
COMMENT ON COLUMN batches.callback IS 'Whom a poke tells that the batch is closed, as the view answers it; null once it was told, or if nobody is.';
CREATE INDEX batches_to_tell ON batches (batch) WHERE status = 'closed' AND callback IS NOT NULL;

ALTER TABLE lots ADD COLUMN "case" jsonb;
COMMENT ON COLUMN lots."case" IS 'What gold, challenges, a jury or an adjudicator added, as the view answers it; amounts are strings. Null without any.';
COMMENT ON COLUMN lots.phase IS 'working, revealing, provisional; judging: the adjudicator''s time runs; settled: the contract keeps no record any more and the other columns show the last one.';
COMMENT ON COLUMN lots.round IS '0, 1 for the extension, 2 for a jury.';
COMMENT ON COLUMN lots.draw IS 'The draw of the extension or the jury as the view answers it.';
ALTER TABLE lots DROP CONSTRAINT lots_phase_check;
ALTER TABLE lots ADD CONSTRAINT lots_phase_check
    CHECK (phase IN ('working', 'revealing', 'provisional', 'judging', 'settled'));

COMMENT ON COLUMN slots.round IS 'Round: 0, 1 for the extension, 2 for a jury.';

COMMENT ON COLUMN results.digest IS 'SHA-256 of the answers; of a lot whose adjudicator''s verdict holds, its report''s.';
COMMENT ON COLUMN results.answers IS 'Answers of all items of the lot, width bytes each, zeros where nothing is accepted; empty in an adjudicated batch.';

ALTER TABLE ledger DROP CONSTRAINT ledger_kind_check;
ALTER TABLE ledger ADD CONSTRAINT ledger_kind_check
    CHECK (kind IN ('deposit', 'withdraw', 'restore', 'escrow', 'pay', 'refund', 'revenue', 'transfer', 'bond', 'juror_fee'));
COMMENT ON COLUMN ledger.kind IS 'deposit: from outside or from claimed stake; withdraw: sent out; restore: a failed transfer came back; escrow: locked in a batch; pay: reward of a settled slot; refund: escrow returned; revenue: a share of an epoch''s fees; transfer: to or from another account, by a signed intent; bond: of a challenge or an adjudicator, and what comes back of it; juror_fee: for sitting on a jury.';
