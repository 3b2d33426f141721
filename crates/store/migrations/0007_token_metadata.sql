-- What token contracts say of themselves (NEP-148), for people: amounts in a token's own symbol and decimals.
--
-- This is no part of the mirror: it does not follow from the journal, a rebuild leaves it alone, and nothing is computed
-- with it. The indexer asks each listed token once.

CREATE TABLE token_metadata (
    token    integer PRIMARY KEY CHECK (token BETWEEN 0 AND 65535),
    symbol   text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    decimals smallint NOT NULL CHECK (decimals BETWEEN 0 AND 38)
);
COMMENT ON TABLE token_metadata IS 'Symbol and decimals by which people read amounts of a token; not part of the mirror.';
COMMENT ON COLUMN token_metadata.token IS 'Number; 0 is NEAR.';
COMMENT ON COLUMN token_metadata.symbol IS 'As the token contract says, without control characters.';
COMMENT ON COLUMN token_metadata.decimals IS 'Digits after the point.';

INSERT INTO token_metadata (token, symbol, decimals) VALUES (0, 'NEAR', 24);
