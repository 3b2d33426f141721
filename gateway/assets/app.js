// The page: what is shown, when it is asked for again, and the live journal.

import { Problem, follow, get } from '/assets/api.js';
import { tell } from '/assets/journal.js';
import * as views from '/assets/views.js';

const $ = (id) => document.getElementById(id);
/** Lots shown at once; more are paged through. */
const WINDOW = 1024;
/** Entries kept in the journal's list. */
const FEED = 200;

const state = {
  network: undefined,
  batches: [],
  older: undefined,
  selected: undefined,
  batch: undefined,
  states: '',
  totals: {},
  from: 0,
  lot: undefined,
  classes: new Map(),
  names: new Map(),
};

// --- Asking again, at most so often, and only while something may have changed ---------------------------------------

/** A task that runs soon after it is wanted, at most once per `pause`, never twice at a time. */
function task(pause, work) {
  let wanted = false;
  let running = false;
  let last = 0;
  const run = async () => {
    if (running || !wanted) return;
    const wait = last + pause - Date.now();
    if (wait > 0) return void setTimeout(run, wait);
    wanted = false;
    running = true;
    last = Date.now();
    try {
      await work();
      trouble(undefined);
    } catch (error) {
      trouble(error);
      wanted = true;
      last = Date.now() + 2000;
    }
    running = false;
    if (wanted) run();
  };
  return () => {
    wanted = true;
    run();
  };
}

/** Symbols and decimals, asked for where one is not known yet, at most once a minute. */
let tokensAt = -Infinity;
async function wantTokens(shown) {
  if (shown.every(({ token }) => token === 0 || views.knowsToken(token)) || Date.now() < tokensAt + 60_000) return;
  tokensAt = Date.now();
  views.setTokens((await get('/v1/tokens?limit=200')).items.filter(({ symbol }) => symbol !== undefined && symbol !== null));
}

const wantNetwork = task(1000, async () => {
  state.network = await get('/v1/network');
  await wantTokens(state.network.tokens);
  $('network').replaceChildren(...views.network(state.network));
  $('network').setAttribute('aria-busy', 'false');
  const { contract_id: contract, chain_id: chain, height } = state.network;
  $('where').replaceChildren(views.h('b', {}, contract), ` on ${chain}, block ${views.count(height)}`);
});

const wantBatches = task(1500, async () => {
  const page = await get('/v1/batches?limit=20');
  const oldest = page.items.at(-1)?.batch ?? 0;
  state.batches = [...page.items, ...state.batches.filter(({ batch }) => batch < oldest)];
  state.older ??= page.next;
  showBatches();
  // Without a choice in the address the newest batch is shown, also when it is posted later.
  if (!location.hash.startsWith('#/batch/') && page.items.length) select(page.items[0].batch);
  if (!page.items.length) showNoBatch();
});

const wantBatch = task(400, async () => {
  const wanted = state.selected;
  if (wanted === undefined) return;
  if (!(wanted <= state.batches[0]?.batch)) {
    const { items: [newest] } = await get('/v1/batches?limit=1');
    if (!(wanted <= newest?.batch)) return void (wanted === state.selected && showMissing(wanted, newest?.batch));
  }
  const batch = await get(`/v1/batches/${wanted}`);
  const marks = await get(`/v1/batches/${wanted}/lot-states?from=${state.from}&limit=${WINDOW}`);
  if (wanted !== state.selected) return;
  Object.assign(state, { batch, states: marks.states, totals: marks.totals });
  showBatch();
  wantGold();
  const row = state.batches.findIndex((other) => other.batch === wanted);
  if (row >= 0) {
    state.batches[row] = batch;
    showBatches();
  }
});

const wantLot = task(400, async () => {
  const { selected, lot } = state;
  if (lot === undefined || !state.batch) return;
  const data = await get(`/v1/batches/${selected}/lots/${lot}`);
  const settled = data.settlement && await get(`/v1/batches/${selected}/results?from_n=${data.settlement.n}&limit=1`);
  if (selected !== state.selected || lot !== state.lot || !state.batch) return;
  $('lot').replaceChildren(...views.lot(data, state.batch, settled?.items[0], now(), () => choose(undefined)));
  $('lot').hidden = false;
});

/** Openings write no journal line, so they are asked for from time to time. */
const wantGold = task(2000, async () => {
  const { selected, batch } = state;
  if (!batch || /^0*$/.test(batch.gold_root)) return;
  const gold = await get(`/v1/batches/${selected}/gold?limit=200`);
  if (selected !== state.selected) return;
  $('gold').replaceChildren(...views.gold(gold));
  $('gold').hidden = false;
});

const wantNodes = task(1500, async () => {
  const { items } = await get('/v1/nodes?limit=200');
  for (const node of items) state.names.set(node.account, node.account_id);
  $('nodes').replaceChildren(items.length ? views.nodes(items, name) : views.empty('No node yet', 'A node stakes NEAR, declares what it can do, and runs an agent:', 'piecework node register --help'));
});

const wantClasses = task(3000, async () => {
  const { items } = await get('/v1/classes?limit=200');
  for (const entry of items) state.classes.set(entry.class, entry.name);
  $('classes').replaceChildren(items.length ? views.classes(items) : views.empty('No class yet', 'A class is a kind of work that nodes declare; any account may register one:', 'piecework class register --help'));
});

// --- Showing ---------------------------------------------------------------------------------------------------------

function showBatches() {
  $('batches').replaceChildren(...views.batches(state.batches, state.selected));
  $('batches-more').hidden = !state.older;
}

function showNoBatch() {
  $('batch-head').replaceChildren(views.empty('No batch yet', 'A requester posts items with a reward; nodes claim them here as soon as they are on chain.', 'piecework batch create --help'));
  $('batch-head').firstChild.querySelector('b').id = 'batch-title';
  $('batch-lots').hidden = true;
}

/** A number that no batch has: perhaps not yet. */
function showMissing(batch, newest) {
  const choice = newest === undefined ? '' : `The newest is batch ${newest}: choose one from the list. `;
  $('batch-head').replaceChildren(views.empty(`There is no batch ${batch}`, `${choice}This page shows batch ${batch} as soon as it is posted.`));
  $('batch-head').firstChild.querySelector('b').id = 'batch-title';
  $('batch-lots').hidden = true;
  document.title = `No batch ${batch}, Piecework`;
}

/** The chain's time, Unix seconds. */
const now = () => state.network?.block_at ?? state.batch.created_at;

function showBatch() {
  const { batch, states, totals, from } = state;
  $('batch-head').replaceChildren(...views.batchHead(batch, now(), state.classes.get(batch.terms.class)));
  $('batch-lots').hidden = false;
  $('legend').replaceChildren(...views.legend(totals));
  showGrid(states, from);
  const shown = $('window');
  shown.hidden = batch.lots <= WINDOW;
  if (!shown.hidden) {
    const move = (to, text) => views.h('button', { type: 'button', onclick: () => { state.from = to; wantBatch(); } }, text);
    shown.replaceChildren(
      `Lots ${views.count(from)} to ${views.count(from + states.length - 1)} of ${views.count(batch.lots)}`,
      ...(from > 0 ? [move(Math.max(0, from - WINDOW), 'Earlier lots')] : []),
      ...(from + WINDOW < batch.lots ? [move(from + WINDOW, 'Later lots')] : []));
  }
  document.title = `${views.percent(batch)} % of batch ${batch.batch}, Piecework`;
}

/** Cells are kept and only recoloured, so that a change is seen as one. */
function showGrid(states, from) {
  const grid = $('grid');
  grid.classList.toggle('small', states.length > 240);
  grid.style.setProperty('--cell', cellSize(states.length));
  if (grid.children.length !== states.length || Number(grid.dataset.from) !== from || Number(grid.dataset.batch) !== state.selected) {
    grid.dataset.from = from;
    grid.dataset.batch = state.selected;
    grid.replaceChildren(...[...states].map((_, index) => views.h('button', { type: 'button', role: 'gridcell', tabindex: index ? -1 : 0, 'data-lot': from + index }, String(from + index))));
  }
  [...states].forEach((letter, index) => {
    const cell = grid.children[index];
    const name = `cell ${letter}`;
    if (!cell.className.startsWith(name)) {
      cell.className = name;
      const [, title, meaning] = views.STATES[letter];
      cell.setAttribute('aria-label', `Lot ${from + index}: ${title}, ${meaning}`);
      cell.title = `Lot ${from + index}: ${title}`;
    }
    cell.setAttribute('aria-selected', String(from + index === state.lot));
  });
}

/** Few lots are drawn large. */
function cellSize(lots) {
  const [, size] = [[24, '68px'], [60, '50px'], [240, '36px'], [Infinity, '14px']].find(([most]) => lots <= most);
  return size;
}

function flash(lot) {
  const cell = $('grid').querySelector(`[data-lot="${lot}"]`);
  if (!cell) return;
  cell.classList.remove('flash');
  void cell.offsetWidth;
  cell.classList.add('flash');
}

let troubled = false;
function trouble(error) {
  if (!error && !troubled) return;
  troubled = Boolean(error);
  $('trouble').hidden = !error;
  if (!error) return;
  const problem = error instanceof Problem ? error : { title: 'The page failed', detail: String(error), fix: 'Reload it.' };
  $('trouble').replaceChildren(views.h('b', {}, problem.title), views.h('p', {}, `${problem.detail} ${problem.fix}`));
}

// --- Choosing --------------------------------------------------------------------------------------------------------

function select(batch) {
  if (batch === state.selected) return;
  Object.assign(state, { selected: batch, batch: undefined, states: '', totals: {}, from: 0, lot: undefined });
  $('lot').hidden = true;
  $('gold').hidden = true;
  $('hint').hidden = false;
  showBatches();
  wantBatch();
}

function choose(lot) {
  state.lot = lot;
  $('lot').hidden = lot === undefined;
  $('hint').hidden = lot !== undefined;
  for (const cell of $('grid').children) cell.setAttribute('aria-selected', String(Number(cell.dataset.lot) === lot));
  if (lot !== undefined) wantLot();
}

$('grid').addEventListener('click', (event) => {
  const cell = event.target.closest('[data-lot]');
  if (cell) choose(Number(cell.dataset.lot));
});

$('grid').addEventListener('keydown', (event) => {
  const cells = [...$('grid').children];
  const columns = getComputedStyle($('grid')).gridTemplateColumns.split(' ').length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const to = cells[cells.indexOf(event.target) + step];
  if (!step || !to) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
});

$('batches-more').addEventListener('click', async () => {
  try {
    const page = await get(`/v1/batches?limit=20&cursor=${encodeURIComponent(state.older)}`);
    state.batches.push(...page.items);
    state.older = page.next ?? '';
    showBatches();
  } catch (error) {
    trouble(error);
  }
});

$('theme').addEventListener('click', () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  try { localStorage.setItem('theme', root.dataset.theme); } catch { /* Private windows may refuse; the choice then lasts until reload. */ }
});

function route() {
  const [, batch] = location.hash.match(/^#\/batch\/(\d+)$/) ?? [];
  if (batch !== undefined) select(Number(batch));
  else if (state.batches.length) select(state.batches[0].batch);
}

// --- The journal -----------------------------------------------------------------------------------------------------

const name = (account) => state.names.get(account) ?? `account ${account}`;

function learnNames(line) {
  for (const entry of line.log) if (entry[0] === 'account') state.names.set(entry[1], entry[2]);
}

function onLine(line, fresh = true) {
  learnNames(line);
  const entries = tell(line, name, views.money);
  const list = $('feed');
  list.querySelector('.empty')?.parentElement.remove();
  for (const entry of entries) {
    const beats = entry.kind === 'beat' && list.firstChild?.classList.contains('beat') ? Number(list.firstChild.dataset.beats) + 1 : 1;
    if (beats > 1) list.firstChild.remove();
    const told = views.told(beats > 1 ? { ...entry, text: `${beats} heartbeats, the last from ${name(line.node)}` } : entry, line.block_at, fresh);
    told.dataset.beats = beats;
    list.prepend(told);
    if (fresh && entry.batch === state.selected && entry.lot !== undefined) flash(entry.lot);
  }
  while (list.children.length > FEED) list.lastChild.remove();
  if (!fresh) return;
  wantNetwork();
  wantNodes();
  if (entries.some(({ kind }) => kind === 'node')) wantClasses();
  if (entries.some(({ kind }) => kind === 'batch')) wantBatches();
  if (entries.some(({ batch }) => batch === state.selected)) wantBatch();
  if (entries.some(({ lot, batch }) => batch === state.selected && lot === state.lot)) wantLot();
}

let offline;
function onState(link) {
  const words = { live: 'Live', reconnecting: 'Reconnecting', offline: 'Offline, trying again' };
  clearTimeout(offline);
  if (link === 'reconnecting') offline = setTimeout(() => onState('offline'), 10_000);
  if (link === $('link').dataset.state || (link === 'reconnecting' && $('link').dataset.state === 'offline')) return;
  $('link').dataset.state = link;
  $('link').querySelector('span').textContent = words[link];
  if (link === 'live') everything();
}

function everything() {
  for (const want of [wantNetwork, wantBatches, wantBatch, wantLot, wantClasses, wantNodes]) want();
}

/** The journal's newest lines, then each as it comes. */
async function start() {
  try {
    await Promise.all([nameEverybody(), wantTokens([{ token: 1 }])]);
    const { next_seq: end } = await get('/v1/network');
    const since = Math.max(0, end - 60);
    const { items, next_seq: next } = await get(`/v1/events?since_seq=${since}&limit=200`);
    for (const line of items) onLine(line, false);
    if (!items.length) $('feed').replaceChildren(views.h('li', { class: 'blank' }, views.empty('Nothing happened yet', 'Every change of the contract appears here within a second of its final block.')));
    follow(next, { onLine, onState });
  } catch (error) {
    trouble(error);
    onState('reconnecting');
    setTimeout(start, 3000);
  }
}

async function nameEverybody() {
  const { items } = await get('/v1/accounts?limit=200');
  for (const { account, account_id: id } of items) state.names.set(account, id);
}

try { if (localStorage.theme) document.documentElement.dataset.theme = localStorage.theme; } catch { /* As above. */ }
window.addEventListener('hashchange', route);
route();
everything();
start();
// Chain time goes on without events: the mirror's height and the rates change too.
setInterval(wantNetwork, 5000);
setInterval(wantGold, 10_000);
