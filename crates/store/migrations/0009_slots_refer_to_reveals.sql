-- Answers are stored once, where they were revealed: a slot names the reveal.
ALTER TABLE slots
    ADD COLUMN reveal_seq      bigint,
    ADD COLUMN reveal_position smallint,
    ADD FOREIGN KEY (reveal_seq, reveal_position) REFERENCES reveals (seq, position),
    ADD CHECK ((reveal_seq IS NULL) = (reveal_position IS NULL));

UPDATE slots s
SET reveal_seq = r.seq, reveal_position = r.position, answers = NULL
FROM reveals r JOIN events e USING (seq)
WHERE s.revealed_at IS NOT NULL AND r.batch = s.batch AND r.lot = s.lot AND e.node = s.node AND e.block_at = s.revealed_at;

COMMENT ON COLUMN slots.reveal_seq IS 'Line of the reveal of its answers; null before.';
COMMENT ON COLUMN slots.reveal_position IS 'Place of the reveal among the line''s reveal entries; null before.';
COMMENT ON COLUMN slots.answers IS 'Always null: the answers stand in the reveal. A later release drops the column.';
