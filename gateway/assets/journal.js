// The journal's entries in words. An entry is an array that begins with its tag, as the contract logs it.

const bits = (hex) => [...(hex || '')].reduce((sum, digit) => sum + [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4][parseInt(digit, 16)], 0);
const some = (number) => `${number} ${number === 1 ? 'item' : 'items'}`;
const lot = (batch, number) => `lot ${number} of batch ${batch}`;
const Lot = (batch, number) => `Lot ${number} of batch ${batch}`;
const lost = (abandoned, name) => abandoned.map(([node]) => `${name(node)} ran out of time`).join(', ');

const SKIPS = {
  1: 'no such batch', 2: 'no such lot', 3: 'not active', 4: 'wrong class, admission or reputation', 5: 'nothing to draw', 6: 'no seed yet',
  7: 'not drawn yet', 8: 'all seats taken', 9: 'closed to claims', 10: 'held it before', 11: 'reservation limit', 12: 'stake too low',
  13: 'node storage too low', 14: 'requester storage too low', 15: 'holds no slot', 16: 'another phase', 17: 'wrong reveal',
  18: 'wrong length', 19: 'claims paused', 20: 'joined too late to judge', 21: 'a party of the lot',
  22: 'the adjudicator does not stand behind it', 23: 'too few nodes for appeals', 40: 'no readable intent', 41: 'for another chain',
  42: 'its deadline has passed', 43: 'its deadline is too far', 44: 'the account is not registered', 45: 'the key may not sign for the account',
  46: 'its number was used or is too old', 47: 'wrong signature', 48: 'storage too low for the key', 49: 'no room left in the call',
  50: 'the key may not sign this kind', 51: 'the key is for another token', 52: 'above the key’s daily cap', 53: 'the balance is too small',
  54: 'the receiver cannot take it', 55: 'the amount is 0 or too large', 56: 'storage too low', 57: 'the batch’s terms do not do',
  58: 'paused, or too many withdrawals', 59: 'the lot takes no such challenge',
};

/** What an intent asks for, by its kind, in the order of the bits of a key's kinds. */
const KINDS = {
  transfer: 'a transfer', withdraw: 'a withdrawal', create_batch: 'a batch', challenge: 'a challenge', append: 'an append', extend_expiry: 'a later expiry',
  cancel: 'a cancellation', skip: 'the end of lots', forget: 'the end of a closed batch’s row', raise: 'a raise',
};
const kind = (word) => KINDS[word] ?? word;
const kinds = (set) => Object.values(KINDS).filter((_, bit) => (set >> bit) & 1).join(', ');

/** Per tag: [kind, sentence]. `who` is the node that made the call, `name` gives an account's name, `money` an amount's text. */
const WORDS = {
  config: () => ['admin', 'The configuration was set'],
  sweep: ([, account], who, name) => ['money', `What waited for the treasury went to ${name(account)}`],
  token: ([, , account]) => ['admin', `Token ${account || 'NEAR'} was listed`],
  account: ([, , id]) => ['account', `${id} registered`],
  storage: null,
  unregister: ([, account], who, name) => ['account', `${name(account)} left`],
  deposit: ([, account, token, amount, sender], who, name, money) => ['money', sender === null ? `${name(account)} deposited ${money(token, amount)}` : `${sender} deposited ${money(token, amount)} for ${name(account)}`],
  payout: ([, account, to], who, name) => ['money', to === null ? `${name(account)} has no payout account any more` : `${name(account)} is paid out to ${to}`],
  withdraw: ([, account, token, amount], who, name, money) => ['money', `${name(account)} withdraws ${money(token, amount)}`],
  withdrawn: ([, account, token, amount, ok], who, name, money) => ['money', `${name(account)}'s withdrawal of ${money(token, amount)} ${ok ? 'arrived' : 'failed and was restored'}`],
  node: ([, account], who, name) => ['node', `${name(account)} joined as a node`],
  class: ([, number, owner, title, , gated], who, name) => ['node', `${name(owner)} registered ${gated ? 'gated ' : ''}class ${number}, ${title}`],
  admit: ([, number, account], who, name) => ['node', `${name(account)} was admitted to class ${number}`],
  remove: ([, number, account], who, name) => ['node', `${name(account)} was removed from class ${number}`],
  operator: ([, account, operator, accepted], who, name) => ['node', operator === null
    ? `${name(account)} has no operator any more`
    : accepted ? `${name(operator)} is the operator of ${name(account)}` : `${name(account)} named ${name(operator)} as its operator`],
  classes: ([, account, classes], who, name) => ['node', `${name(account)} now declares class ${classes.join(', ')}`],
  stake: ([, account], who, name) => ['node', `${name(account)} changed its stake`],
  status: ([, account, status], who, name) => ['node', `${name(account)} is ${status}`],
  batch: ([, batch, requester, , items], who, name) => ['batch', `${name(requester)} posted batch ${batch} with ${some(items)}`],
  append: ([, batch, items], who, name) => ['batch', `${items} ${items === 1 ? 'item was' : 'items were'} appended to batch ${batch}`],
  raise: ([, batch]) => ['batch', `The reward of batch ${batch} was raised`],
  expiry: ([, batch]) => ['batch', `Batch ${batch} expires later`],
  open: ([, batch, at]) => ['draw', Array.isArray(at) ? `The next round of ${lot(batch, at[0])} may be drawn` : `Lots of group ${at} of batch ${batch} may be drawn`],
  seed: ([, batch, at]) => ['draw', Array.isArray(at) ? `The next round of ${lot(batch, at[0])} was drawn` : `Lots of group ${at} of batch ${batch} were drawn`],
  claim: ([, batch, number, replaced], who, name) => ['claim', `${who} claimed ${lot(batch, number)}${replaced ? `; ${lost([replaced], name)}` : ''}`],
  release: ([, batch, number], who) => ['free', `${who} gave ${lot(batch, number)} back`],
  passed: ([, batch, number]) => ['free', `${Lot(batch, number)} is passed over: no node committed in time`],
  commit: ([, batch, number], who) => ['commit', `${who} committed ${lot(batch, number)}`],
  revealing: ([, batch, number, abandoned], who, name) => ['reveal', `${Lot(batch, number)} turned to reveals${abandoned.length ? `; ${lost(abandoned, name)}` : ''}`],
  reveal: ([, batch, number], who) => ['reveal', `${who} revealed ${lot(batch, number)}`],
  extend: ([, batch, number, items]) => ['extend', `${Lot(batch, number)}: ${some(bits(items))} without agreement, three more nodes decide`],
  provisional: ([, batch, number, items]) => ['settle', `${Lot(batch, number)} is tallied: ${some(bits(items))} accepted`],
  accept: ([, batch]) => ['batch', `The adjudicator of batch ${batch} put up its bond`],
  resign: ([, batch]) => ['batch', `The adjudicator of batch ${batch} resigned`],
  judging: ([, batch, number]) => ['reveal', `${Lot(batch, number)} waits for its adjudicator`],
  verdict: ([, batch, number, scores]) => ['settle', `${Lot(batch, number)} was scored ${scores.map((score) => `${score / 100} %`).join(', ')}`],
  challenge: ([, batch, number, account, items, , , replaced], who, name) => ['extend', `${name(account)} challenged ${some(bits(items))} of ${lot(batch, number)}${replaced === null ? '' : ` in the place of ${name(replaced)}`}`],
  jury: ([, batch, number]) => ['extend', `${Lot(batch, number)} goes to a jury`],
  rule: ([, batch, number, overturned]) => ['settle', `The jury of ${lot(batch, number)} changed ${bits(overturned)} results`],
  tell: ([, batch]) => ['batch', `The end of batch ${batch} was told to a contract`],
  free: ([, batch, number, abandoned], who, name) => ['free', `${Lot(batch, number)} ended without a result${abandoned.length ? `; ${lost(abandoned, name)}` : ''}`],
  settle: ([, batch, number, , items, , , , , slots]) => ['settle', slots.length
    ? `${Lot(batch, number)} settled: ${some(bits(items))} accepted, ${slots.filter(([, pay]) => pay !== '0').length} of ${slots.length} copies paid`
    : `${Lot(batch, number)} was closed without a result`],
  cancel: ([, batch]) => ['batch', `Batch ${batch} was cancelled`],
  paid: ([, batch]) => ['money', `What lots of batch ${batch} left was paid out`],
  close: ([, batch]) => ['batch', `Batch ${batch} is complete`],
  forget: ([, batch]) => ['batch', `Batch ${batch} was forgotten`],
  key: ([, account, , set], who, name) => ['account', set ? `${name(account)} lets a key sign for ${kinds(set)}` : `${name(account)} took the right to sign intents from a key`],
  transfer: ([, account, receiver, token, amount, memo], who, name, money) => ['money', `${name(account)} sent ${money(token, amount)} to ${name(receiver)}${memo === null ? '' : `: “${memo}”`}`],
  intent: ([, , account, , asked, , , failed], who, name) => [failed === null ? 'money' : 'skip', `${name(account)} signed an intent, ${kind(asked)}: ${failed === null ? 'done' : `not done, ${SKIPS[failed] || `code ${failed}`}`}`],
  skip: ([, , code], who) => ['skip', `${who}: skipped, ${SKIPS[code] || `code ${code}`}`],
};

/** What a line says: `{kind, text, batch, lot}` per entry worth telling. A bare heartbeat says so. */
export function tell(line, name, money) {
  const who = line.node === undefined ? 'The contract' : name(line.node);
  const told = [];
  for (const entry of line.log) {
    const words = WORDS[entry[0]];
    if (words === null) continue;
    const [kind, text] = words ? words(entry, who, name, money) : ['admin', entry[0]];
    const inLot = ['claim', 'release', 'passed', 'commit', 'revealing', 'reveal', 'extend', 'provisional', 'judging', 'verdict', 'challenge', 'jury', 'rule', 'free', 'settle'].includes(entry[0]);
    const inBatch = inLot || ['batch', 'append', 'raise', 'expiry', 'accept', 'resign', 'open', 'seed', 'cancel', 'paid', 'close', 'tell', 'forget'].includes(entry[0]);
    told.push({ kind, text, batch: inBatch ? entry[1] : undefined, lot: inLot ? entry[2] : undefined });
  }
  if (!told.length && line.event === 'heartbeat') told.push({ kind: 'beat', text: `${who} sent a heartbeat` });
  return told;
}
