-- The mirror of one coordinator contract, protocol 1.0.
--
-- Units, everywhere: token amounts are numeric(39,0) in the token's smallest unit (yoctoNEAR for token 0); columns
-- ending in _at or _until are Unix seconds of chain time; columns ending in _s are seconds; heights, sequence numbers
-- and account, batch and lot numbers are bigint, because the contract's u32 and u64 do not fit integer; digests are
-- 32 bytes; item sets are bigint bit patterns, bit i for item i of the lot.

CREATE TABLE cursor (
    stream         text COLLATE "C" PRIMARY KEY,
    chain_id       text COLLATE "C" NOT NULL,
    height         bigint NOT NULL CHECK (height >= 0),
    hash           text COLLATE "C",
    timestamp_ns   bigint NOT NULL CHECK (timestamp_ns >= 0),
    next_seq       bigint NOT NULL CHECK (next_seq >= 0),
    head           bytea NOT NULL CHECK (octet_length(head) = 32),
    next_class     integer NOT NULL,
    next_account   bigint NOT NULL,
    next_batch     bigint NOT NULL,
    burnt          numeric(39,0) NOT NULL,
    chain_height   bigint NOT NULL,
    fence          bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX cursor_is_one_row ON cursor ((true));
COMMENT ON TABLE cursor IS 'Where the mirror stands: one row, written in the transaction that writes the rows of its block. With it, the contract''s root record.';
COMMENT ON COLUMN cursor.stream IS 'Account id of the mirrored contract. A database mirrors one contract.';
COMMENT ON COLUMN cursor.chain_id IS 'Chain id that the RPC node reported when the mirror began.';
COMMENT ON COLUMN cursor.height IS 'Height of the last final block that was applied; 0 before the first.';
COMMENT ON COLUMN cursor.hash IS 'Its hash, base58; null before the first. The next block must name it as its parent.';
COMMENT ON COLUMN cursor.timestamp_ns IS 'Its time, Unix nanoseconds; 0 before the first.';
COMMENT ON COLUMN cursor.next_seq IS 'Number of the next journal line; equals the count of events.';
COMMENT ON COLUMN cursor.head IS 'Journal head: sha256(head || line) over all lines.';
COMMENT ON COLUMN cursor.next_class IS 'Root: number of the next class.';
COMMENT ON COLUMN cursor.next_account IS 'Root: number of the next account.';
COMMENT ON COLUMN cursor.next_batch IS 'Root: number of the next batch.';
COMMENT ON COLUMN cursor.burnt IS 'Root: slashed NEAR and what classes cost, which no account owns, yoctoNEAR.';
COMMENT ON COLUMN cursor.chain_height IS 'Final height of the chain when the cursor was written; lag in blocks is the difference.';
COMMENT ON COLUMN cursor.fence IS 'Grows with every writer that takes over; a writer with an older number cannot commit.';

CREATE TABLE blocks (
    height       bigint PRIMARY KEY,
    hash         text COLLATE "C" NOT NULL UNIQUE,
    prev_hash    text COLLATE "C" NOT NULL,
    timestamp_ns bigint NOT NULL,
    first_seq    bigint NOT NULL,
    events       bigint NOT NULL CHECK (events >= 0)
);
COMMENT ON TABLE blocks IS 'Final blocks that changed the contract, and one anchor per thousand heights.';
COMMENT ON COLUMN blocks.height IS 'Height.';
COMMENT ON COLUMN blocks.hash IS 'Hash, base58.';
COMMENT ON COLUMN blocks.prev_hash IS 'Hash of the parent, base58. Heights may skip; hashes link.';
COMMENT ON COLUMN blocks.timestamp_ns IS 'Time, Unix nanoseconds.';
COMMENT ON COLUMN blocks.first_seq IS 'Number of the next journal line before the block.';
COMMENT ON COLUMN blocks.events IS 'Journal lines of the block.';

CREATE TABLE receipts (
    receipt_id     text COLLATE "C" PRIMARY KEY,
    height         bigint NOT NULL REFERENCES blocks,
    position       integer NOT NULL,
    predecessor_id text COLLATE "C" NOT NULL,
    signer_id      text COLLATE "C" NOT NULL,
    tx_hash        text COLLATE "C",
    methods        text[] NOT NULL,
    gas_burnt      bigint NOT NULL CHECK (gas_burnt >= 0),
    UNIQUE (height, position)
);
CREATE INDEX receipts_by_predecessor ON receipts (predecessor_id, height);
COMMENT ON TABLE receipts IS 'Successful receipts that changed the contract. A failed receipt keeps its logs but is no receipt of ours.';
COMMENT ON COLUMN receipts.receipt_id IS 'Receipt id, base58.';
COMMENT ON COLUMN receipts.height IS 'Block in which it ran.';
COMMENT ON COLUMN receipts.position IS 'Order among the contract''s receipts of the block, from 0.';
COMMENT ON COLUMN receipts.predecessor_id IS 'Account that called the contract.';
COMMENT ON COLUMN receipts.signer_id IS 'Account that signed the transaction; never trusted by the contract.';
COMMENT ON COLUMN receipts.tx_hash IS 'Transaction, base58; null where the block source does not have it.';
COMMENT ON COLUMN receipts.methods IS 'Methods called, in order.';
COMMENT ON COLUMN receipts.gas_burnt IS 'Gas burnt by this receipt alone, gas units.';

CREATE TABLE events (
    seq        bigint PRIMARY KEY,
    height     bigint NOT NULL REFERENCES blocks,
    receipt_id text COLLATE "C" NOT NULL REFERENCES receipts,
    block_at   bigint NOT NULL,
    event      text COLLATE "C" NOT NULL,
    node       bigint,
    batches    bigint[] NOT NULL,
    accounts   bigint[] NOT NULL,
    entries    json NOT NULL,
    line       text NOT NULL
);
CREATE INDEX events_by_height ON events (height);
CREATE INDEX events_by_receipt ON events (receipt_id);
COMMENT ON TABLE events IS 'The journal. Replaying it gives every other table again.';
COMMENT ON COLUMN events.seq IS 'Number of the line, from 0 without gaps: the stream cursor of clients.';
COMMENT ON COLUMN events.height IS 'Block.';
COMMENT ON COLUMN events.receipt_id IS 'Receipt that logged it, base58.';
COMMENT ON COLUMN events.block_at IS 'Block time, Unix seconds.';
COMMENT ON COLUMN events.event IS 'Method that wrote the line.';
COMMENT ON COLUMN events.node IS 'Account number of the node whose call it was.';
COMMENT ON COLUMN events.batches IS 'Batches that the line changed, or whose lots it changed, by number: a stream for a batch need not read the line again.';
COMMENT ON COLUMN events.accounts IS 'Accounts whose row, balances or node the line changed, by number.';
COMMENT ON COLUMN events.entries IS 'The line''s `data.log`: arrays that begin with their tag. json and not jsonb, which refuses \u0000 in a string that any caller may send.';
COMMENT ON COLUMN events.line IS 'The log line as logged, EVENT_JSON: included; the head hashes these bytes.';

CREATE TABLE reveals (
    seq      bigint NOT NULL REFERENCES events,
    position smallint NOT NULL,
    batch    bigint NOT NULL,
    lot      bigint NOT NULL,
    answers  bytea NOT NULL,
    salt     bytea NOT NULL CHECK (octet_length(salt) = 32),
    PRIMARY KEY (seq, position)
);
COMMENT ON TABLE reveals IS 'What the reveal entries of the journal show. Answers travel in the call''s arguments and not in its log, so they are kept beside it; the entry''s digest is theirs.';
COMMENT ON COLUMN reveals.seq IS 'Line.';
COMMENT ON COLUMN reveals.position IS 'Order among the reveal entries of the line, from 0.';
COMMENT ON COLUMN reveals.batch IS 'Batch.';
COMMENT ON COLUMN reveals.lot IS 'Lot.';
COMMENT ON COLUMN reveals.answers IS 'Answers: judged items x width bytes.';
COMMENT ON COLUMN reveals.salt IS 'Salt: with the answers it gives the commitment.';

CREATE TABLE config (
    stream      text COLLATE "C" PRIMARY KEY REFERENCES cursor,
    config      jsonb NOT NULL,
    updated_seq bigint NOT NULL
);
COMMENT ON TABLE config IS 'Who governs the contract and what holds: one row once it is journalled.';
COMMENT ON COLUMN config.stream IS 'Account id of the contract.';
COMMENT ON COLUMN config.config IS 'Owner, roles, paused features, proposals and configuration as the view `settings` answers them; amounts are strings.';
COMMENT ON COLUMN config.updated_seq IS 'Line that set it.';

CREATE TABLE tokens (
    token       integer PRIMARY KEY CHECK (token BETWEEN 0 AND 65535),
    account_id  text COLLATE "C" NOT NULL UNIQUE,
    min_reward  numeric(39,0) NOT NULL,
    rep_unit    numeric(39,0) NOT NULL,
    bond_rate   numeric(39,0) NOT NULL,
    pool        numeric(39,0) NOT NULL,
    in_flight   numeric(39,0) NOT NULL,
    updated_seq bigint NOT NULL
);
COMMENT ON TABLE tokens IS 'Listed reward tokens.';
COMMENT ON COLUMN tokens.token IS 'Number; 0 is NEAR.';
COMMENT ON COLUMN tokens.account_id IS 'NEP-141 account; empty for NEAR.';
COMMENT ON COLUMN tokens.min_reward IS 'Least reward per item, token units.';
COMMENT ON COLUMN tokens.rep_unit IS 'Fee of one lot that earns a full step of reputation, token units.';
COMMENT ON COLUMN tokens.bond_rate IS 'yoctoNEAR of bond per 2^32 token units.';
COMMENT ON COLUMN tokens.pool IS 'Fees and withheld pay that wait for the treasury, token units.';
COMMENT ON COLUMN tokens.in_flight IS 'Withdrawals whose transfer has not answered yet, token units.';
COMMENT ON COLUMN tokens.updated_seq IS 'Last line that changed the row.';

CREATE TABLE accounts (
    account      bigint PRIMARY KEY,
    account_id   text COLLATE "C" NOT NULL,
    storage_paid numeric(39,0) NOT NULL,
    storage_used bigint NOT NULL,
    in_flight    smallint NOT NULL,
    keys         jsonb NOT NULL,
    payout       text COLLATE "C",
    closed_seq   bigint,
    created_seq  bigint NOT NULL,
    updated_seq  bigint NOT NULL
);
CREATE UNIQUE INDEX accounts_by_open_account_id ON accounts (account_id) WHERE closed_seq IS NULL;
CREATE INDEX accounts_by_account_id ON accounts (account_id);
COMMENT ON TABLE accounts IS 'Registered accounts. Unregistered ones stay, closed; registering again gives a new number.';
COMMENT ON COLUMN accounts.account IS 'Number, in order of registration, never reused.';
COMMENT ON COLUMN accounts.account_id IS 'NEAR account id.';
COMMENT ON COLUMN accounts.storage_paid IS 'Storage deposit, yoctoNEAR.';
COMMENT ON COLUMN accounts.storage_used IS 'Bytes charged, reservations for live lots included.';
COMMENT ON COLUMN accounts.in_flight IS 'Count of withdrawals whose transfer has not answered yet.';
COMMENT ON COLUMN accounts.keys IS 'Keys that may sign intents, as the view `intent_keys` answers them; amounts are strings.';
COMMENT ON COLUMN accounts.payout IS 'NEAR account that its machines'' keys may send its balances to; null without one.';
COMMENT ON COLUMN accounts.closed_seq IS 'Line that unregistered the account; null while it is open.';
COMMENT ON COLUMN accounts.created_seq IS 'Line that registered it.';
COMMENT ON COLUMN accounts.updated_seq IS 'Last line that changed the account, its balances or its node.';

CREATE TABLE balances (
    account bigint NOT NULL REFERENCES accounts,
    token   integer NOT NULL,
    amount  numeric(39,0) NOT NULL CHECK (amount > 0),
    PRIMARY KEY (account, token)
);
COMMENT ON TABLE balances IS 'Internal balances that are not zero.';
COMMENT ON COLUMN balances.account IS 'Account number.';
COMMENT ON COLUMN balances.token IS 'Token number.';
COMMENT ON COLUMN balances.amount IS 'Amount, token units.';

CREATE TABLE classes (
    class       integer PRIMARY KEY CHECK (class BETWEEN 0 AND 65535),
    owner       bigint NOT NULL REFERENCES accounts,
    name        bytea NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 32),
    schema      bytea NOT NULL CHECK (octet_length(schema) = 32),
    gated       boolean NOT NULL,
    nodes       bigint NOT NULL,
    tickets     bigint NOT NULL,
    updated_seq bigint NOT NULL
);
COMMENT ON TABLE classes IS 'Registered classes of work.';
COMMENT ON COLUMN classes.class IS 'Number, in order of registration.';
COMMENT ON COLUMN classes.owner IS 'Account number of who registered it, and admits nodes to it if it is gated.';
COMMENT ON COLUMN classes.name IS 'Name, 1 to 32 bytes of UTF-8. bytea and not text, which refuses a NUL that any caller may send.';
COMMENT ON COLUMN classes.schema IS 'SHA-256 of the schema that briefs of such work follow; zeros without one.';
COMMENT ON COLUMN classes.gated IS 'Whether only nodes that the owner admitted may work in it.';
COMMENT ON COLUMN classes.nodes IS 'Active nodes with a ticket that declared it and are admitted.';
COMMENT ON COLUMN classes.tickets IS 'Their tickets.';
COMMENT ON COLUMN classes.updated_seq IS 'Last line that changed the row.';

CREATE TABLE nodes (
    account         bigint PRIMARY KEY REFERENCES accounts,
    stake           numeric(39,0) NOT NULL,
    bonded          numeric(39,0) NOT NULL,
    unbonding       numeric(39,0) NOT NULL,
    unbonding_until bigint NOT NULL,
    tickets         smallint NOT NULL,
    active_since    bigint NOT NULL,
    risen_at        bigint NOT NULL,
    last_seen       bigint NOT NULL,
    reservations    integer NOT NULL,
    registered_at   bigint NOT NULL,
    settled         bigint NOT NULL,
    status          text COLLATE "C" NOT NULL CHECK (status IN ('active', 'paused', 'silent')),
    asked           bigint REFERENCES accounts,
    operator        bigint REFERENCES accounts
);
COMMENT ON TABLE nodes IS 'Nodes: one row per account that ever registered one. accounts.updated_seq is its version.';
COMMENT ON COLUMN nodes.account IS 'Account number.';
COMMENT ON COLUMN nodes.stake IS 'Stake, the bonded part included, yoctoNEAR.';
COMMENT ON COLUMN nodes.bonded IS 'Part of the stake that backs slots, yoctoNEAR.';
COMMENT ON COLUMN nodes.unbonding IS 'Stake on its way out, yoctoNEAR.';
COMMENT ON COLUMN nodes.unbonding_until IS 'Unix seconds from which unbonding may be claimed.';
COMMENT ON COLUMN nodes.tickets IS 'Tickets, at most 16; they count while the node is active.';
COMMENT ON COLUMN nodes.active_since IS 'Unix seconds of the last rise of tickets or return to activity.';
COMMENT ON COLUMN nodes.risen_at IS 'Unix seconds of the last rise of tickets.';
COMMENT ON COLUMN nodes.last_seen IS 'Unix seconds of the last heartbeat or work call.';
COMMENT ON COLUMN nodes.reservations IS 'Seats reserved in all rounds and not committed yet, at most 64.';
COMMENT ON COLUMN nodes.registered_at IS 'Unix seconds of the first registration.';
COMMENT ON COLUMN nodes.settled IS 'Lots settled in which it revealed.';
COMMENT ON COLUMN nodes.status IS 'active, paused by its owner, or silent for too long.';
COMMENT ON COLUMN nodes.asked IS 'Account number that it named as its operator, which may not have accepted yet; null without one.';
COMMENT ON COLUMN nodes.operator IS 'Account number of its operator, which named it too; null: its own account.';

CREATE TABLE node_classes (
    account    bigint NOT NULL REFERENCES nodes,
    class      integer NOT NULL REFERENCES classes,
    reputation integer NOT NULL CHECK (reputation BETWEEN 0 AND 10000),
    stepped_at bigint NOT NULL,
    declared   boolean NOT NULL,
    admitted   boolean NOT NULL,
    since      bigint NOT NULL,
    removed_at bigint NOT NULL,
    PRIMARY KEY (account, class)
);
CREATE INDEX node_classes_by_class ON node_classes (class, reputation DESC) WHERE declared;
COMMENT ON TABLE node_classes IS 'Reputation of a node per class it declared or once declared.';
COMMENT ON COLUMN node_classes.account IS 'Account number of the node.';
COMMENT ON COLUMN node_classes.class IS 'Class of work.';
COMMENT ON COLUMN node_classes.reputation IS 'Reputation in ten-thousandths; starts at 5000.';
COMMENT ON COLUMN node_classes.stepped_at IS 'Unix seconds of the last step of reputation; 0 before the first.';
COMMENT ON COLUMN node_classes.declared IS 'Whether the node declares the class now.';
COMMENT ON COLUMN node_classes.admitted IS 'Whether it may work in the class: the class is open, or its owner admitted the node.';
COMMENT ON COLUMN node_classes.since IS 'Unix seconds from which it has declared the class and been admitted.';
COMMENT ON COLUMN node_classes.removed_at IS 'Unix seconds at which the class''s owner removed it; 0 if it did not, or admitted it again.';

CREATE TABLE batches (
    batch              bigint PRIMARY KEY,
    status             text COLLATE "C" NOT NULL CHECK (status IN ('open', 'cancelled', 'closed', 'forgotten')),
    requester          bigint NOT NULL REFERENCES accounts,
    requester_operator bigint NOT NULL REFERENCES accounts,
    token              integer NOT NULL,
    items              bigint NOT NULL,
    manifest           bytea NOT NULL CHECK (octet_length(manifest) = 32),
    gold_root          bytea NOT NULL CHECK (octet_length(gold_root) = 32),
    appendable         boolean NOT NULL,
    forget_on_close    boolean NOT NULL,
    referrer           bigint REFERENCES accounts,
    referrer_part_pct  smallint CHECK (referrer_part_pct BETWEEN 0 AND 50),
    appended           bytea NOT NULL CHECK (octet_length(appended) = 32),
    callback           jsonb,
    uri                text NOT NULL,
    terms              jsonb NOT NULL,
    fixed              jsonb NOT NULL,
    class              integer NOT NULL GENERATED ALWAYS AS ((terms ->> 'class')::integer) STORED,
    reward             numeric(39,0) NOT NULL GENERATED ALWAYS AS ((terms ->> 'reward')::numeric(39,0)) STORED,
    lot_size           smallint NOT NULL GENERATED ALWAYS AS ((terms ->> 'lot_size')::smallint) STORED,
    expires_at         bigint NOT NULL GENERATED ALWAYS AS ((terms ->> 'expires_at')::bigint) STORED,
    progress           jsonb NOT NULL,
    escrow             numeric(39,0) NOT NULL,
    settled            bigint NOT NULL,
    results_root       bytea NOT NULL CHECK (octet_length(results_root) = 32),
    created_at         bigint NOT NULL,
    ended_at           bigint,
    created_seq        bigint NOT NULL,
    updated_seq        bigint NOT NULL,
    CHECK ((referrer IS NULL) = (referrer_part_pct IS NULL))
);
CREATE INDEX batches_by_requester ON batches (requester, batch);
CREATE INDEX batches_by_class ON batches (class, batch) WHERE status = 'open';
CREATE INDEX batches_by_status ON batches (status, batch);
CREATE INDEX batches_to_tell ON batches (batch) WHERE status = 'closed' AND callback IS NOT NULL;
COMMENT ON TABLE batches IS 'Batches. A closed batch keeps here what the contract forgets.';
COMMENT ON COLUMN batches.batch IS 'Number, in order of creation.';
COMMENT ON COLUMN batches.status IS 'open; cancelled: live lots run to their end; closed: everything is settled; forgotten: closed, and its result root was dropped from the contract.';
COMMENT ON COLUMN batches.requester IS 'Account number of who pays.';
COMMENT ON COLUMN batches.requester_operator IS 'Account number of its operator at the creation, itself without one.';
COMMENT ON COLUMN batches.token IS 'Reward token.';
COMMENT ON COLUMN batches.items IS 'Items, appended ones included.';
COMMENT ON COLUMN batches.manifest IS 'Merkle root over the payload digests of the items that it was created with; those of others stand in segments.';
COMMENT ON COLUMN batches.gold_root IS 'Root that the requester committed to; zeros without one. Only the journal has it.';
COMMENT ON COLUMN batches.appendable IS 'Whether its requester may append lots: then it closes only once it is cancelled or expired.';
COMMENT ON COLUMN batches.forget_on_close IS 'Whether the contract forgets it when it closes.';
COMMENT ON COLUMN batches.referrer IS 'Account number of who gets a part of its fees; null without one.';
COMMENT ON COLUMN batches.referrer_part_pct IS 'That part of the fee on pay, in percent; null without a referrer.';
COMMENT ON COLUMN batches.appended IS 'Digest of its appended segments, as the contract has it; zeros without any.';
COMMENT ON COLUMN batches.callback IS 'The call that a poke sends when the batch is closed, as the view answers it; null without one, or once it was sent.';
COMMENT ON COLUMN batches.uri IS 'Where that manifest is; only the journal has it.';
COMMENT ON COLUMN batches.terms IS 'Terms as the contract''s view answers them.';
COMMENT ON COLUMN batches.fixed IS 'What was copied from the configuration, as the view answers it.';
COMMENT ON COLUMN batches.class IS 'Class of the work, from terms.';
COMMENT ON COLUMN batches.reward IS 'Reward of one copy of one item of lots without a claim, token units, from terms.';
COMMENT ON COLUMN batches.lot_size IS 'Items per lot, from terms.';
COMMENT ON COLUMN batches.expires_at IS 'Unix seconds after which nothing new is claimed, from terms.';
COMMENT ON COLUMN batches.progress IS 'The moving window, what settled lots left and the adjudicator''s bond, as the view answers them; of a closed batch their last value.';
COMMENT ON COLUMN batches.escrow IS 'What the batch holds, token units: escrow with its fee, challenges'' deposits, the adjudicator''s bond; 0 once closed.';
COMMENT ON COLUMN batches.settled IS 'Lots settled, closed lots included: leaves of the results'' Merkle mountain range.';
COMMENT ON COLUMN batches.results_root IS 'Bagged root over these leaves.';
COMMENT ON COLUMN batches.created_at IS 'Unix seconds of creation.';
COMMENT ON COLUMN batches.ended_at IS 'Unix seconds at which it closed; null before.';
COMMENT ON COLUMN batches.created_seq IS 'Line that created it.';
COMMENT ON COLUMN batches.updated_seq IS 'Last line that changed the batch or one of its lots.';

CREATE TABLE lots (
    batch        bigint NOT NULL REFERENCES batches,
    lot          bigint NOT NULL,
    phase        text COLLATE "C" NOT NULL CHECK (phase IN ('working', 'revealing', 'provisional', 'judging', 'settled')),
    round        smallint NOT NULL,
    begun_at     bigint NOT NULL,
    reward       numeric(39,0) NOT NULL,
    appeal       boolean NOT NULL,
    clock_at     bigint NOT NULL,
    phase_at     bigint NOT NULL,
    phase_height bigint NOT NULL,
    leavers      bigint[] NOT NULL,
    open_items   bigint NOT NULL,
    draw         jsonb NOT NULL,
    "case"       jsonb,
    updated_seq  bigint NOT NULL,
    PRIMARY KEY (batch, lot)
);
CREATE INDEX lots_live ON lots (batch, lot) WHERE phase <> 'settled';
COMMENT ON TABLE lots IS 'Lots that were claimed or closed. A lot without a row was never claimed.';
COMMENT ON COLUMN lots.batch IS 'Batch.';
COMMENT ON COLUMN lots.lot IS 'Number in the batch, from 0.';
COMMENT ON COLUMN lots.phase IS 'working, revealing, provisional; judging: the adjudicator''s time runs; settled: the contract keeps no record any more and the other columns show the last one.';
COMMENT ON COLUMN lots.round IS '0, 1 for the extension, 2 for a jury.';
COMMENT ON COLUMN lots.begun_at IS 'Unix seconds of the first claim; 0 if it was closed without one.';
COMMENT ON COLUMN lots.reward IS 'Reward of one copy of one item, token units: its batch''s at the first claim; 0 if it was closed without one.';
COMMENT ON COLUMN lots.appeal IS 'Whether its result may be appealed, as its group''s seed said.';
COMMENT ON COLUMN lots.clock_at IS 'Unix seconds at which the round''s clock started; 0 while it waits for a claim.';
COMMENT ON COLUMN lots.phase_at IS 'Unix seconds at which the phase after working began; 0 before.';
COMMENT ON COLUMN lots.phase_height IS 'Height at which it began; 0 before.';
COMMENT ON COLUMN lots.leavers IS 'Account numbers of the operators of nodes that left the lot, the last sixteen, oldest first.';
COMMENT ON COLUMN lots.open_items IS 'Item set: the extension''s open items; 0 in round 0.';
COMMENT ON COLUMN lots.draw IS 'The draw of the current round as the view answers it; of round 0 the seed of the first claim.';
COMMENT ON COLUMN lots."case" IS 'What challenges, a jury or an adjudicator added, with item sets in hex. Null without any.';
COMMENT ON COLUMN lots.updated_seq IS 'Last line that changed the lot or one of its slots.';

CREATE TABLE slots (
    batch           bigint NOT NULL,
    lot             bigint NOT NULL,
    claimed_seq     bigint NOT NULL,
    node            bigint NOT NULL REFERENCES nodes,
    operator        bigint NOT NULL REFERENCES accounts,
    round           smallint NOT NULL,
    position        smallint,
    phase           text COLLATE "C" NOT NULL CHECK (phase IN ('reserved', 'committed', 'revealed')),
    reserved_until  bigint NOT NULL,
    commitment      bytea CHECK (octet_length(commitment) = 32),
    reveal_seq      bigint,
    reveal_position smallint,
    claimed_at      bigint NOT NULL,
    committed_at    bigint,
    revealed_at     bigint,
    outcome         text COLLATE "C" CHECK (outcome IN ('settled', 'released', 'abandoned', 'freed')),
    pay             numeric(39,0) NOT NULL DEFAULT 0,
    slash           numeric(39,0) NOT NULL DEFAULT 0,
    reputation      integer,
    agreed          bigint,
    ended_at        bigint,
    PRIMARY KEY (batch, lot, claimed_seq),
    FOREIGN KEY (batch, lot) REFERENCES lots,
    FOREIGN KEY (reveal_seq, reveal_position) REFERENCES reveals (seq, position),
    CHECK ((reveal_seq IS NULL) = (reveal_position IS NULL)),
    CHECK ((outcome IS NULL) = (position IS NOT NULL)),
    CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE INDEX slots_by_node ON slots (node, claimed_seq);
CREATE INDEX slots_live_by_node ON slots (node) WHERE outcome IS NULL;
COMMENT ON TABLE slots IS 'Copies of a lot''s rounds, live and past. The claim''s line numbers it: a line is one node''s and a node holds one slot of a lot.';
COMMENT ON COLUMN slots.batch IS 'Batch.';
COMMENT ON COLUMN slots.lot IS 'Lot.';
COMMENT ON COLUMN slots.claimed_seq IS 'Line of the claim.';
COMMENT ON COLUMN slots.node IS 'Account number of the node.';
COMMENT ON COLUMN slots.operator IS 'Account number of its operator at the claim, itself without one.';
COMMENT ON COLUMN slots.round IS 'Round: 0, 1 for the extension, 2 for a jury.';
COMMENT ON COLUMN slots.position IS 'Place among the lot''s live slots, from 0; null once it ended.';
COMMENT ON COLUMN slots.phase IS 'reserved, committed or revealed; of a past slot its last phase.';
COMMENT ON COLUMN slots.reserved_until IS 'Unix seconds until which the reservation held.';
COMMENT ON COLUMN slots.commitment IS 'Commitment; null before.';
COMMENT ON COLUMN slots.reveal_seq IS 'Line of the reveal of its answers; null before.';
COMMENT ON COLUMN slots.reveal_position IS 'Place of the reveal among the line''s reveal entries; null before.';
COMMENT ON COLUMN slots.claimed_at IS 'Unix seconds of the claim.';
COMMENT ON COLUMN slots.committed_at IS 'Unix seconds of the commit.';
COMMENT ON COLUMN slots.revealed_at IS 'Unix seconds of the reveal.';
COMMENT ON COLUMN slots.outcome IS 'null while live; settled: judged with its lot; released by the node; abandoned: the reservation ran out; freed: the round ended without a result.';
COMMENT ON COLUMN slots.pay IS 'Reward credited, token units.';
COMMENT ON COLUMN slots.slash IS 'Taken from the stake, yoctoNEAR.';
COMMENT ON COLUMN slots.reputation IS 'Reputation in the class after the settlement, ten-thousandths.';
COMMENT ON COLUMN slots.agreed IS 'Item set: items whose accepted answer is the slot''s; null unless settled.';
COMMENT ON COLUMN slots.ended_at IS 'Unix seconds at which it ended.';

CREATE TABLE challenges (
    seq      bigint NOT NULL REFERENCES events,
    position smallint NOT NULL,
    batch    bigint NOT NULL,
    lot      bigint NOT NULL,
    account  bigint NOT NULL REFERENCES accounts,
    items    bigint NOT NULL,
    deposit  numeric(39,0) NOT NULL,
    evidence bytea NOT NULL CHECK (octet_length(evidence) = 32),
    replaced bigint REFERENCES accounts,
    PRIMARY KEY (seq, position),
    FOREIGN KEY (batch, lot) REFERENCES lots
);
CREATE INDEX challenges_by_lot ON challenges (batch, lot, seq, position);
COMMENT ON TABLE challenges IS 'Challenges of results as they were made, append-only. Those that stand are in the lot''s case.';
COMMENT ON COLUMN challenges.seq IS 'Line.';
COMMENT ON COLUMN challenges.position IS 'Order among the challenge entries of the line, from 0.';
COMMENT ON COLUMN challenges.batch IS 'Batch.';
COMMENT ON COLUMN challenges.lot IS 'Lot.';
COMMENT ON COLUMN challenges.account IS 'Account number of the challenger.';
COMMENT ON COLUMN challenges.items IS 'Item set: challenged items; bit 0 alone for an adjudicator''s scores.';
COMMENT ON COLUMN challenges.deposit IS 'Taken from the challenger''s balance, token units.';
COMMENT ON COLUMN challenges.evidence IS 'Digest of its evidence; zeros without.';
COMMENT ON COLUMN challenges.replaced IS 'Account number of the challenger whose challenge of fewer items it replaced; null without.';

CREATE TABLE segments (
    batch      bigint NOT NULL REFERENCES batches,
    first_item bigint NOT NULL,
    items      bigint NOT NULL,
    manifest   bytea NOT NULL CHECK (octet_length(manifest) = 32),
    uri        text NOT NULL,
    seq        bigint NOT NULL REFERENCES events,
    PRIMARY KEY (batch, first_item)
);
COMMENT ON TABLE segments IS 'What was appended to batches, append-only.';
COMMENT ON COLUMN segments.batch IS 'Batch.';
COMMENT ON COLUMN segments.first_item IS 'Its first item in the batch.';
COMMENT ON COLUMN segments.items IS 'Items.';
COMMENT ON COLUMN segments.manifest IS 'Merkle root over their payload digests.';
COMMENT ON COLUMN segments.uri IS 'Where their manifest is.';
COMMENT ON COLUMN segments.seq IS 'Line of the append.';

CREATE TABLE results (
    batch      bigint NOT NULL,
    lot        bigint NOT NULL,
    n          bigint NOT NULL,
    accepted   bigint NOT NULL,
    overturned bigint,
    digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
    answers    bytea NOT NULL,
    fee        numeric(39,0) NOT NULL,
    refund     numeric(39,0) NOT NULL,
    settled_at bigint NOT NULL,
    seq        bigint NOT NULL REFERENCES events,
    PRIMARY KEY (batch, lot),
    UNIQUE (batch, n),
    FOREIGN KEY (batch, lot) REFERENCES lots
);
CREATE INDEX results_by_settled_at ON results (settled_at);
COMMENT ON TABLE results IS 'Settled lots: a slot settles once, so a row is inserted once and never changed.';
COMMENT ON COLUMN results.batch IS 'Batch.';
COMMENT ON COLUMN results.lot IS 'Lot.';
COMMENT ON COLUMN results.n IS 'Settlement number in the batch: the leaf of the Merkle mountain range.';
COMMENT ON COLUMN results.accepted IS 'Item set: accepted items.';
COMMENT ON COLUMN results.overturned IS 'Item set: items whose result a jury changed, bit 0 for an adjudicator''s scores; null where no jury decided.';
COMMENT ON COLUMN results.digest IS 'SHA-256 of the answers; of a lot whose adjudicator''s verdict holds, its report''s.';
COMMENT ON COLUMN results.answers IS 'Answers of all items of the lot, width bytes each, zeros where nothing is accepted; empty in an adjudicated batch.';
COMMENT ON COLUMN results.fee IS 'Fee, token units.';
COMMENT ON COLUMN results.refund IS 'Returned to the requester, token units.';
COMMENT ON COLUMN results.settled_at IS 'Unix seconds of the settlement.';
COMMENT ON COLUMN results.seq IS 'Line of the settlement.';

CREATE TABLE ledger (
    seq           bigint NOT NULL REFERENCES events,
    leg           integer NOT NULL,
    account       bigint NOT NULL REFERENCES accounts,
    token         integer NOT NULL,
    kind          text COLLATE "C" NOT NULL CHECK (kind IN ('deposit', 'withdraw', 'restore', 'escrow', 'pay', 'refund', 'treasury', 'referral',
                                                                    'bond', 'juror_fee', 'pot', 'award', 'transfer')),
    credit        boolean NOT NULL,
    amount        numeric(39,0) NOT NULL CHECK (amount > 0),
    balance_after numeric(39,0) NOT NULL CHECK (balance_after >= 0),
    batch         bigint,
    lot           bigint,
    PRIMARY KEY (seq, leg)
);
CREATE INDEX ledger_by_account ON ledger (account, seq, leg);
COMMENT ON TABLE ledger IS 'Every movement of an internal balance, append-only.';
COMMENT ON COLUMN ledger.seq IS 'Line.';
COMMENT ON COLUMN ledger.leg IS 'Order of the movement in the line, from 0.';
COMMENT ON COLUMN ledger.account IS 'Account number.';
COMMENT ON COLUMN ledger.token IS 'Token number.';
COMMENT ON COLUMN ledger.kind IS 'deposit: from outside or from claimed stake; withdraw: sent out; restore: a failed transfer came back; escrow: locked in a batch; pay: reward of a settled slot; refund: escrow returned; treasury: fees and withheld pay, to the treasury; referral: a part of fees, to the referrer of their batch; bond: of a challenge or an adjudicator, and what comes back of it; juror_fee: for sitting on a jury; pot: a slot''s part of what challengers lost; award: NEAR out of slashes, to a challenger whom a jury proved right; transfer: to or from another account.';
COMMENT ON COLUMN ledger.credit IS 'Whether the balance grew.';
COMMENT ON COLUMN ledger.amount IS 'Amount moved, token units.';
COMMENT ON COLUMN ledger.balance_after IS 'Balance afterwards, token units.';
COMMENT ON COLUMN ledger.batch IS 'Batch that it concerns.';
COMMENT ON COLUMN ledger.lot IS 'Lot that it concerns.';

CREATE TABLE stakes (
    account  bigint NOT NULL REFERENCES accounts,
    seq      bigint NOT NULL REFERENCES events,
    stake    numeric(39,0) NOT NULL,
    operator bigint REFERENCES accounts,
    PRIMARY KEY (account, seq)
);
COMMENT ON TABLE stakes IS 'What stood behind nodes: a row per line that changed a node''s stake or operator, append-only. It holds until the next one.';
COMMENT ON COLUMN stakes.account IS 'Account number of the node.';
COMMENT ON COLUMN stakes.seq IS 'Line.';
COMMENT ON COLUMN stakes.stake IS 'Stake after it, the bonded part included, yoctoNEAR; 0 once the account is closed.';
COMMENT ON COLUMN stakes.operator IS 'Account number of its operator after it; null: its own account.';

CREATE TABLE reconciliations (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    height     bigint NOT NULL,
    hash       text COLLATE "C" NOT NULL,
    block_at   bigint NOT NULL,
    took_ms    bigint NOT NULL,
    rows       bigint NOT NULL,
    mismatches bigint NOT NULL,
    ok         boolean NOT NULL,
    report     jsonb NOT NULL
);
COMMENT ON TABLE reconciliations IS 'Comparisons of the mirror with the contract''s views.';
COMMENT ON COLUMN reconciliations.id IS 'Number of the run.';
COMMENT ON COLUMN reconciliations.height IS 'Block at which both sides were read.';
COMMENT ON COLUMN reconciliations.hash IS 'Its hash, base58.';
COMMENT ON COLUMN reconciliations.block_at IS 'Its time, Unix seconds.';
COMMENT ON COLUMN reconciliations.took_ms IS 'Wall time of the run, milliseconds.';
COMMENT ON COLUMN reconciliations.rows IS 'Rows compared.';
COMMENT ON COLUMN reconciliations.mismatches IS 'Rows that differ or exist on one side only.';
COMMENT ON COLUMN reconciliations.ok IS 'Mirror equal, journal verified and money conserved.';
COMMENT ON COLUMN reconciliations.report IS 'The report that `piecework-indexer reconcile` prints.';

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
