-- What each journal line changed, so that a stream for a batch or an account need not read the line again. Lines that an
-- earlier release wrote name nothing: a stream with a filter passes over them.

ALTER TABLE events
    ADD COLUMN batches  bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN accounts bigint[] NOT NULL DEFAULT '{}';
ALTER TABLE events
    ALTER COLUMN batches DROP DEFAULT,
    ALTER COLUMN accounts DROP DEFAULT;
COMMENT ON COLUMN events.batches IS 'Batches that the line changed, or whose lots it changed, by number.';
COMMENT ON COLUMN events.accounts IS 'Accounts whose row, balances or node the line changed, by number.';
