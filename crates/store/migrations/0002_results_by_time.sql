-- The gateway shows items settled per second over the last minutes of chain time.
CREATE INDEX results_by_settled_at ON results (settled_at);
