// Building the page's parts. Nothing here asks the gateway; text is only ever set as text.

/** An element. `props` are attributes, `on…` listeners or `class`; children are elements or text. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

const integers = new Intl.NumberFormat('en-US');
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 2 });

/** An integer with separators. */
export const count = (number) => integers.format(number);

const items = (number) => `${count(number)} ${number === 1 ? 'item' : 'items'}`;

/** yoctoNEAR as NEAR, exact down to what is shown. */
export function near(yocto) {
  const milli = BigInt(yocto) / 10n ** 21n;
  const whole = milli / 1000n;
  if (whole >= 100_000n) return compact.format(whole);
  const fraction = String(milli % 1000n).padStart(3, '0').replace(/0+$/, '');
  if (whole === 0n && !fraction && BigInt(yocto) > 0n) return '< 0.001';
  return integers.format(whole) + (fraction ? `.${fraction}` : '');
}

/** Listed tokens by number, with symbol and decimals where their contract said them. */
const tokens = new Map();

export function setTokens(list) {
  for (const token of list) tokens.set(token.token, token);
}

export const knowsToken = (token) => tokens.has(token);

/** An amount in the token's own units: exact up to six decimals, shortened where it is large. */
function decimal(amount, decimals) {
  const [units, one] = [BigInt(amount), 10n ** BigInt(decimals)];
  const whole = units / one;
  if (whole >= 100_000n) return compact.format(whole);
  const places = Math.min(decimals, 6);
  const fraction = String(units % one).padStart(decimals, '0').slice(0, places).replace(/0+$/, '');
  if (whole === 0n && !fraction && units > 0n) return `< ${1 / 10 ** places}`;
  return integers.format(whole) + (fraction ? `.${fraction}` : '');
}

/** An amount of a token with its symbol; in its smallest unit while nothing else is known. */
export function money(token, amount) {
  if (token === 0) return `${near(amount)} NEAR`;
  const { symbol, decimals } = tokens.get(token) ?? {};
  if (symbol === undefined || symbol === null) return `${BigInt(amount) < 1_000_000n ? integers.format(BigInt(amount)) : compact.format(BigInt(amount))} units`;
  return `${decimal(amount, decimals)} ${symbol}`;
}

/** A duration in its largest fitting unit. */
export function duration(seconds) {
  for (const [unit, size] of [['d', 86_400], ['h', 3_600], ['min', 60]]) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.max(0, Math.floor(seconds))} s`;
}

export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString('en-GB');

export const STATES = {
  o: ['open', 'Open', 'no node claimed it yet'],
  w: ['working', 'Working', 'nodes work on it'],
  x: ['extension', 'Extension', 'copies disagreed, three more nodes work on it'],
  j: ['jury', 'Jury', 'challenged, five other nodes decide'],
  r: ['revealing', 'Revealing', 'answers are being shown'],
  v: ['judging', 'Judging', 'answers are shown, the adjudicator scores them'],
  p: ['provisional', 'Provisional', 'tallied, may still be challenged'],
  s: ['settled', 'Settled', 'every item accepted and paid'],
  u: ['unresolved', 'Settled in part', 'settled, some items without an accepted answer'],
  n: ['withdrawn', 'Withdrawn', 'not worked on: skipped, cancelled or expired without a result'],
};

/** A figure and its unit. */
const split = (text) => [text.slice(0, text.lastIndexOf(' ')), text.slice(text.lastIndexOf(' ') + 1)];

/** The network's figures. */
export function network(data) {
  const token = data.tokens.find((token) => token.token !== 0);
  const others = data.nodes.paused + data.nodes.silent;
  const figure = (label, value, unit, more, title) => h('div', { title },
    h('dt', {}, label), h('dd', { class: 'value' }, value, unit ? h('small', {}, unit) : ''), h('dd', { class: 'more' }, more));
  const share = data.items.settled ? `${(100 * data.items.accepted / data.items.settled).toFixed(1)} % accepted` : 'none yet';
  return [
    figure('Active nodes', count(data.nodes.active), '', others ? `${count(others)} paused or silent` : `${count(data.nodes.active_tickets)} tickets`),
    figure('Stake', near(data.nodes.stake), 'NEAR', `${near(data.nodes.bonded)} bonded, ${near(data.burnt)} burnt`, `${data.nodes.stake} yoctoNEAR; burnt are slashes and what classes cost`),
    figure('Throughput', data.items.per_second >= 10 ? count(Math.round(data.items.per_second)) : data.items.per_second.toFixed(1), 'items/s', `${count(data.items.last_minute)} in the last minute`),
    figure('Items settled', count(data.items.settled), '', share),
    figure('Open batches', count(data.batches.open), '', `${count(data.batches.closed)} closed, ${count(data.lots.working + data.lots.revealing + data.lots.judging + data.lots.provisional)} lots live`),
    figure('Paid to nodes', ...(token ? split(money(token.token, token.paid)) : ['0', '']), token ? `${money(token.token, token.escrow)} in escrow` : 'no token listed', token ? `${token.paid} units of ${token.account_id}` : undefined),
  ];
}

/** Settled items, in percent of those that are worked on. */
export function percent({ items: all, counts }) {
  const worked = all - counts.withdrawn_items;
  return worked > 0 ? Math.floor(100 * counts.settled_items / worked) : all ? 100 : 0;
}

/** The list of batches. */
export function batches(list, selected) {
  if (!list.length) return [h('li', { class: 'none' }, 'None yet')];
  return list.map((batch) => {
    const done = percent(batch);
    return h('li', {}, h('a', { href: `#/batch/${batch.batch}`, 'aria-current': batch.batch === selected ? 'true' : undefined },
      h('span', { class: 'row' }, h('b', {}, `Batch ${batch.batch}`), h('span', {}, batch.status === 'open' ? `${done} %` : batch.status)),
      h('span', { class: 'sub' }, `${items(batch.items)}, ${batch.requester_id}`)));
  });
}

/** Head of a batch: what it is, how far it is. */
export function batchHead(batch, now, className) {
  const { terms, counts } = batch;
  const { adjudicated } = terms.verification;
  const copies = terms.start > 1 && !adjudicated ? `${terms.start} copies, three more where they disagree` : `${terms.start} ${terms.start === 1 ? 'copy' : 'copies'}`;
  const judged = adjudicated ? 'an adjudicator scores them' : `${terms.quorum_pct} % must agree`;
  const expires = batch.status !== 'open' ? '' : terms.expires_at > now ? `; takes claims for ${duration(terms.expires_at - now)} more` : '; expired, so its open lots take no claims any more';
  const fact = (label, value, title) => h('div', { title }, h('dt', {}, label), h('dd', {}, value));
  const part = (state, amount) => {
    const piece = h('i', { class: state });
    piece.style.flexGrow = amount;
    return piece;
  };
  const within = (lots) => lots * terms.lot_size;
  return [
    h('div', { class: 'title' }, h('h2', { id: 'batch-title' }, `Batch ${batch.batch}`), h('span', { class: 'status', 'data-status': batch.status }, batch.status)),
    h('p', { class: 'terms' }, `${className ?? `Class ${terms.class}`} work for ${batch.requester_id}: ${items(batch.items)} in lots of ${terms.lot_size}, ${copies}, ${judged}${expires}.`),
    h('div', { class: 'progress' },
      h('p', { class: 'words' }, h('b', {}, `${count(counts.settled_items)} of ${items(batch.items)} settled`),
        h('span', {}, [`${count(counts.accepted_items)} accepted`, adjudicated ? '' : `${count(counts.unresolved_items)} unresolved`,
          counts.withdrawn_items ? `${count(counts.withdrawn_items)} withdrawn, not worked on` : ''].filter(Boolean).join(', '))),
      h('div', { class: 'bar', role: 'progressbar', 'aria-label': 'Items settled', 'aria-valuemin': 0, 'aria-valuemax': batch.items, 'aria-valuenow': counts.settled_items },
        part('settled', counts.accepted_items), part('unresolved', counts.unresolved_items), part('provisional', within(counts.provisional_lots + counts.judging_lots)),
        part('revealing', within(counts.revealing_lots)), part('working', within(counts.working_lots)), part('open', within(counts.open_lots)), part('withdrawn', counts.withdrawn_items))),
    h('dl', { class: 'facts' },
      fact('Reward per item', money(batch.token, terms.reward), `${terms.reward} units a copy, for lots without a claim: those that have begun keep what their first claim met`),
      fact('Escrow left', money(batch.token, batch.escrow), `${batch.escrow} units`),
      adjudicated ? fact('Adjudicator bond', money(batch.token, batch.progress.bond), batch.progress.accepted ? 'the adjudicator stands behind the batch' : 'the adjudicator has not accepted, or has resigned') : '',
      batch.referrer ? fact('Referrer', batch.referrer_id, `it gets ${batch.referrer.part_pct} % of the fee on pay, of which ${money(batch.token, batch.progress.referral)} wait`) : '',
      batch.appendable && batch.status === 'open' ? fact('Takes more items', 'yes', 'its requester may append lots until it is cancelled or expires') : '',
      fact('Lots extended', `${count(counts.extended_lots)} of ${count(batch.lots)}`),
      batch.ended_at ? fact('Took', duration(batch.ended_at - batch.created_at)) : fact('Running for', duration(now - batch.created_at))),
  ];
}

/** Lots of the whole batch by state. */
export function legend(totals) {
  return Object.entries(STATES).map(([letter, [, name, meaning]]) => h('li', { class: totals[letter] ? '' : 'none', title: meaning },
    h('span', { class: `cell ${letter}`, 'aria-hidden': 'true' }), name, h('b', {}, count(totals[letter] ?? 0))));
}

/** A lot with its slots, and its result once it is settled. `now` is the chain's time, Unix seconds. */
export function lot(data, batch, result, now, close) {
  const { terms, token } = batch;
  const rows = data.slots.map((slot) => {
    const judges = slot.round === JURY;
    const [got, what] = judges ? [slot.juror_fee, 'fee of a juror'] : [slot.pay, 'reward'];
    return h('tr', {},
      h('td', { 'data-label': 'Node' }, h('span', { class: 'id' }, slot.node_id)),
      h('td', { 'data-label': 'Round' }, ['first', 'extension', 'jury'][slot.round]),
      h('td', { 'data-label': 'Slot' }, slot.outcome ?? slot.phase),
      h('td', { class: 'num', 'data-label': 'Items agreed' }, !judges && slot.agreed && slot.outcome === 'settled' ? count(ones(slot.agreed)) : ''),
      h('td', { class: 'num', 'data-label': 'Paid', title: got === '0' ? undefined : `${got} units, ${what}` }, got === '0' ? '' : money(token, got)),
      h('td', { class: 'num lost', 'data-label': 'Slashed' }, slot.slash === '0' ? '' : `${near(slot.slash)} NEAR`));
  });
  const head = ['Node', 'Round', 'Slot', 'Items agreed', 'Paid', 'Slashed'].map((name, index) => h('th', { scope: 'col', class: index > 2 ? 'num' : '' }, name));
  const seats = terms.start === 1 ? '1 seat is' : `${terms.start} seats are`;
  const untaken = data.state === 'withdrawn' ? '' : terms.expires_at > now ? `No node claimed it yet: ${seats} free.` : 'No node claimed it before its batch expired.';
  return [
    h('header', {}, h('h3', {}, `Lot ${data.lot}`), h('button', { type: 'button', onclick: close }, 'Close')),
    h('p', {}, `Items ${count(data.first_item)} to ${count(data.first_item + data.items - 1)}; ${standing(data)}${reward(data, batch)}${appeal(data, terms, now)}.`),
    ...dispute(data, batch, result),
    result && data.state === 'settled' ? answers(result, terms) : '',
    data.slots.length
      ? h('div', { class: 'scroll stacks', tabindex: 0, role: 'region', 'aria-label': 'Slots of the lot' }, h('table', {}, h('thead', {}, h('tr', {}, head)), h('tbody', {}, rows)))
      : h('p', {}, untaken),
  ];
}

/** The round of a jury. */
const JURY = 2;

/** Where a lot stands, in words. */
function standing({ state, round, items: all, settlement }) {
  if (state === 'withdrawn') return `withdrawn and not worked on: its requester ${settlement ? 'closed it' : 'cancelled it'}, or its batch ended, without a result`;
  if (settlement) return `settled, ${settlement.accepted_items} of ${all} items accepted`;
  if (round === JURY) return state === 'revealing' ? 'its jurors show their answers' : 'before a jury';
  return round === 1 && state === 'working' ? 'working in an extension' : state;
}

/** The accepted answers of a settled lot, by item. */
function answers({ first_item: first, answers: list, digest }, { verification }) {
  if (!list.some((answer) => answer !== null)) {
    return h('p', {}, verification.adjudicated ? 'Its copies stand for themselves: what an adjudicator scores is not merged into one answer.' : 'No item has an accepted answer.');
  }
  const cell = (answer, index) => h('li', { class: answer === null ? 'none' : '', title: answer === null ? 'no accepted answer' : `0x${answer}` },
    h('span', {}, count(first + index)), h('b', {}, answer === null ? 'none' : value(answer)));
  return h('section', { class: 'answers', 'aria-label': 'Accepted answers' },
    h('h4', {}, 'Accepted answers'),
    h('ol', {}, list.map(cell)),
    h('p', { class: 'digest' }, 'SHA-256 ', h('code', {}, digest)));
}

/** An answer's bytes as the number that agents write, its lowest byte first; long ones stay hexadecimal. */
function value(answer) {
  if (answer.length > 12) return `${answer.slice(0, 12)}…`;
  return String(parseInt(answer.match(/../g).reverse().join(''), 16));
}

/** What a copy of an item of the lot is paid, where that is not what its batch pays now. */
function reward({ reward: own }, { terms, token }) {
  return own && own !== terms.reward ? `; it pays ${money(token, own)} an item, as before its batch was raised` : '';
}

/** Whether a begun lot's result may be challenged, and until when. */
function appeal({ begun_at: begun, appeal: may, state, round, phase_at: at, case: open }, terms, now) {
  if (!begun || !terms.challenge_window_s || ['settled', 'withdrawn'].includes(state) || round === JURY) return '';
  if (!may) return '; without appeal, for its class had too few nodes when it was drawn';
  if (state !== 'provisional') return '; its result may be challenged once it is tallied';
  const until = Math.max(at + terms.challenge_window_s, open?.open_until ?? 0);
  return until > now ? `; its result may be challenged until ${clock(until)}` : '; the time to challenge its result is over';
}

/** Places of the set bits of an item set, ascending. */
export function places(hex) {
  const bits = BigInt(`0x${hex || '0'}`);
  return Array.from({ length: 64 }, (_, place) => place).filter((place) => (bits >> BigInt(place)) & 1n);
}

const numbers = (list) => `${list.length === 1 ? 'item' : 'items'} ${list.map(count).join(', ')}`;

/** A lot's case: its scores, who challenged which items with what, and what the jury answered and ruled. */
function dispute(data, batch, result) {
  const { case: open, challenges, first_item: first, state } = data;
  const { terms, token } = batch;
  const scored = Boolean(terms.verification.adjudicated);
  const parts = [];
  if (open?.verdict) parts.push(h('p', {}, `Its copies were scored ${open.verdict.scores.map((score) => `${score / 100} %`).join(', ')}.`));
  for (const { account_id: id, items: set, deposit, evidence, evidence_held: held } of challenges) {
    const what = scored ? 'its scores' : numbers(places(set).map((place) => first + place));
    const digest = /^0*$/.test(evidence) ? undefined : h('code', {}, evidence);
    parts.push(h('p', {}, `${id} challenged ${what} for ${money(token, deposit)}`,
      ...(digest ? [', with evidence of SHA-256 ', held ? h('a', { href: `/v1/blobs/${evidence}` }, digest) : digest, held ? '' : ', which this gateway does not hold'] : [', without evidence']), '.'));
  }
  const jurors = data.slots.filter(({ round }) => round === JURY);
  if (!challenges.length || (data.round !== JURY && !jurors.length)) return parts;
  const over = state === 'settled';
  if (scored) {
    const ruled = result?.overturned ?? null;
    parts.push(h('p', {}, !over ? 'A jury looks at the scores.' : ruled === null ? 'The jury gave no ruling: the scores stand.' : ones(ruled) ? 'The jury changed the scores.' : 'The jury stood by the scores.'));
    return parts;
  }
  // A jury answers what stands, not what another challenge replaced.
  const judged = places((open?.challenges.length ? open.challenges : challenges).reduce((all, { items: set }) => all | BigInt(`0x${set}`), 0n).toString(16));
  const width = 2 * terms.answer_width;
  const said = ({ answers: bytes }, index) => (bytes ? value(bytes.slice(index * width, (index + 1) * width)) : 'no answer');
  const changed = places(result?.overturned ?? '0');
  const ruling = (place) => {
    if (!over) return 'not yet';
    if ((result?.overturned ?? null) === null) return 'no ruling: the result stands';
    return changed.includes(place) ? 'changed' : 'upheld';
  };
  const copies = data.slots.filter(({ round }) => round === 0);
  const row = (place, index) => h('tr', {},
    h('td', { class: 'num', 'data-label': 'Item' }, count(first + place)),
    h('td', { class: 'many', 'data-label': 'First copies' }, copies.map(({ answers: bytes }) => (bytes ? value(bytes.slice(place * width, (place + 1) * width)) : 'none')).join(', ')),
    h('td', { class: 'many', 'data-label': 'Jurors' }, jurors.length ? jurors.map((slot) => `${slot.node_id}: ${said(slot, index)}`).join(', ') : 'none yet'),
    h('td', { class: over && changed.includes(place) ? 'lost' : '', 'data-label': 'Ruling' }, ruling(place)),
    h('td', { class: 'num', 'data-label': 'Accepted' }, over && result?.answers?.[place] ? value(result.answers[place]) : over ? 'none' : ''));
  parts.push(h('div', { class: 'scroll stacks', tabindex: 0, role: 'region', 'aria-label': 'Ruling of the jury' },
    h('table', {}, h('thead', {}, h('tr', {}, [['Item', 'num'], ['First copies', ''], ['Jurors', ''], ['Ruling', ''], ['Accepted', 'num']].map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))), h('tbody', {}, judged.map(row)))));
  return parts;
}

/** What opened gold says of a batch: how much is open, what stands against it, who missed it. */
export function gold({ leaves, opened, contradicted, against, nodes, items: list, next }) {
  const answers = (number) => `${count(number)} ${number === 1 ? 'answer' : 'answers'}`;
  const some = leaves === null ? 'The requester fixed answers before work began; none is open yet.' : [
    `The requester fixed ${answers(leaves)} before work began; ${opened === leaves ? 'all are' : `${count(opened)} ${opened === 1 ? 'is' : 'are'}`} open.`,
    opened < leaves ? 'The rest may be what does not suit it.' : '',
    against ? `${items(against)} settled with another answer than gold's.` : 'No settled answer stands against gold.',
    contradicted ? `${items(contradicted)} ${contradicted === 1 ? 'has' : 'have'} two answers, which count against no node.` : '',
  ].filter(Boolean).join(' ');
  const table = (label, head, rows) => h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    h('table', {}, h('thead', {}, h('tr', {}, head.map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))), h('tbody', {}, rows)));
  const number = (amount, lost) => h('td', { class: lost && amount ? 'num lost' : 'num' }, count(amount));
  const node = (entry) => h('tr', {},
    h('td', {}, h('span', { class: 'id' }, entry.node_id)),
    h('td', {}, ['first', 'extension', 'jury'][entry.round]),
    number(entry.right), number(entry.missed, true), number(entry.silent, true));
  const missed = ({ copies }) => copies.filter(({ said }) => said !== 'right').map(({ node_id: id, said }) => (said === 'silent' ? `${id} (silent)` : id));
  const isAgainst = (entry) => entry.accepted !== null && entry.accepted !== entry.answer;
  const told = list.filter((entry) => entry.contradicted || isAgainst(entry) || missed(entry).length);
  const row = (entry) => h('tr', {},
    h('td', { class: 'num' }, count(entry.item)),
    h('td', { class: 'num', title: `0x${entry.answer}` }, value(entry.answer)),
    h('td', { class: isAgainst(entry) && !entry.contradicted ? 'num lost' : 'num' }, entry.accepted === null ? 'none' : value(entry.accepted)),
    h('td', { class: 'many' }, entry.contradicted ? 'two answers under the root' : missed(entry).join(', ')));
  return [
    h('header', {}, h('h3', {}, 'Gold')),
    h('p', {}, some),
    nodes.length ? table('Nodes by gold', [['Node', ''], ['Round', ''], ['Right', 'num'], ['Missed', 'num'], ['Silent', 'num']], nodes.map(node)) : '',
    told.length ? table('Gold that was missed', [['Item', 'num'], ['Gold', 'num'], ['Accepted', 'num'], ['Missed by', '']], told.map(row)) : '',
    list.length ? h('p', {}, `${told.length ? 'Every copy of the other' : 'Every copy of'} ${items(list.length - told.length)} gave gold's answer.${next ? ` Only the first ${count(list.length)} open answers are looked at here; the API has all.` : ''}`) : '',
  ];
}

const ones = (hex) => [...hex].reduce((sum, digit) => sum + [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4][parseInt(digit, 16)], 0);

/** The nodes, best paid first. */
export function nodes(list, name) {
  const earned = (node) => node.earned.filter(({ token }) => token !== 0).reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  const sorted = [...list].sort((a, b) => (earned(b) > earned(a) ? 1 : earned(b) < earned(a) ? -1 : a.account - b.account));
  const head = [['Node', ''], ['Status', ''], ['Stake, NEAR', 'num'], ['Bonded', 'num'], ['Reserved', 'num'], ['Lots settled', 'num'], ['Items agreed', 'num'], ['Reputation, %', 'rep'], ['Earned', 'num'], ['Slashed, NEAR', 'num']];
  const row = (node) => h('tr', {},
    h('td', { 'data-label': 'Node' }, h('span', { class: 'id' }, node.account_id), node.operator === null ? '' : h('span', { class: 'sub' }, ` of ${name(node.operator)}`)),
    h('td', { 'data-label': 'Status' }, h('span', { class: `state ${node.status}` }, node.status)),
    h('td', { 'data-label': 'Stake, NEAR', class: 'num', title: `${node.stake} yoctoNEAR` }, near(node.stake)),
    h('td', { 'data-label': 'Bonded', class: 'num' }, near(node.bonded)),
    h('td', { 'data-label': 'Reserved', class: 'num' }, count(node.reservations)),
    h('td', { 'data-label': 'Lots settled', class: 'num' }, count(node.settled)),
    h('td', { 'data-label': 'Items agreed', class: 'num' }, count(node.agreed_items)),
    h('td', { 'data-label': 'Reputation, %', class: 'rep' }, node.classes.filter(({ declared }) => declared).map(reputation)),
    h('td', { 'data-label': 'Earned', class: 'num', title: node.earned.map(({ token, amount }) => `${amount} units of token ${token}`).join(', ') || undefined }, node.earned.length ? node.earned.map(({ token, amount }) => money(token, amount)).join(' + ') : '0'),
    h('td', { 'data-label': 'Slashed, NEAR', class: node.slashed === '0' ? 'num' : 'num lost' }, node.slashed === '0' ? '0' : near(node.slashed)));
  return h('table', {},
    h('thead', {}, h('tr', {}, head.map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))),
    h('tbody', {}, sorted.map(row)));
}

/** The registered classes, by number. */
export function classes(list) {
  const head = [['Class', 'num'], ['Name', ''], ['Owner', ''], ['Who may work in it', ''], ['Active nodes', 'num'], ['Tickets', 'num']];
  const row = (entry) => h('tr', {},
    h('td', { class: 'num' }, count(entry.class)),
    h('td', {}, h('span', { class: 'id' }, entry.name)),
    h('td', {}, entry.owner_id),
    h('td', {}, entry.gated ? 'nodes that its owner admits: the owner is the judge of its work' : 'every node'),
    h('td', { class: 'num' }, count(entry.nodes)),
    h('td', { class: 'num' }, count(entry.tickets)));
  return h('table', {},
    h('thead', {}, h('tr', {}, head.map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))),
    h('tbody', {}, list.map(row)));
}

function reputation({ class: number, reputation: value }) {
  const fill = h('i');
  fill.style.width = `${value / 100}%`;
  return h('span', { title: `class ${number}`, class: 'record' }, h('span', { class: 'value' }, (value / 100).toFixed(1)), h('span', { class: value < 5000 ? 'meter low' : 'meter', 'aria-hidden': 'true' }, fill));
}

/** What to do where there is nothing yet. */
export function empty(title, text, command) {
  return h('div', { class: 'empty' }, h('b', {}, title), h('p', {}, text, command ? ' ' : '', command ? h('code', {}, command) : ''));
}

/** One entry of the journal. */
export function told(entry, at, fresh) {
  return h('li', { class: `${entry.kind}${fresh ? ' new' : ''}` }, h('i', { 'aria-hidden': 'true' }), h('span', {}, entry.text), h('time', { datetime: new Date(at * 1000).toISOString() }, clock(at)));
}
