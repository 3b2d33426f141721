-- Slots that an earlier release wrote name their reveals too. Readers go on meanwhile.
UPDATE slots s
SET reveal_seq = r.seq, reveal_position = r.position
FROM reveals r JOIN events e USING (seq)
WHERE s.revealed_at IS NOT NULL AND r.batch = s.batch AND r.lot = s.lot AND e.node = s.node AND e.block_at = s.revealed_at;

ALTER TABLE slots VALIDATE CONSTRAINT slots_reveal;
ALTER TABLE slots VALIDATE CONSTRAINT slots_reveal_whole;
