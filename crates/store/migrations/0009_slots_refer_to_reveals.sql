-- Answers are stored once, where they were revealed: a slot names the reveal. What stands in the table is checked by the next
-- migration, so that nobody waits for this one.
ALTER TABLE slots
    ADD COLUMN reveal_seq      bigint,
    ADD COLUMN reveal_position smallint,
    ADD CONSTRAINT slots_reveal FOREIGN KEY (reveal_seq, reveal_position) REFERENCES reveals (seq, position) NOT VALID,
    ADD CONSTRAINT slots_reveal_whole CHECK ((reveal_seq IS NULL) = (reveal_position IS NULL)) NOT VALID;

COMMENT ON COLUMN slots.reveal_seq IS 'Line of the reveal of its answers; null before.';
COMMENT ON COLUMN slots.reveal_position IS 'Place of the reveal among the line''s reveal entries; null before.';
COMMENT ON COLUMN slots.answers IS 'As releases before wrote them; neither written nor read. A later release drops the column.';
