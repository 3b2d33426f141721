// Asking the gateway, and following its journal.

/** An error that names what happened and what to do. */
export class Problem extends Error {
  constructor({ title, detail, fix, status, code }) {
    super(title);
    Object.assign(this, { title, detail, fix, status, code });
  }
}

const unreachable = () => new Problem({
  title: 'The gateway does not answer',
  detail: 'The connection to this server failed.',
  fix: 'Check that piecework-gateway runs and that you are online; this page tries again by itself.',
  status: 0,
  code: 'unreachable',
});

/** The JSON at a path; a `Problem` is thrown for anything else. The browser's cache asks with the ETag. */
export async function get(path) {
  let response;
  try {
    response = await fetch(path, { headers: { accept: 'application/json' }, cache: 'no-cache' });
  } catch {
    throw unreachable();
  }
  const body = await response.json().catch(() => null);
  if (!response.ok || body === null) {
    throw new Problem(body?.code ? body : { title: `The gateway answered ${response.status}`, detail: path, fix: 'Try again later.', status: response.status, code: 'unknown' });
  }
  return body;
}

/**
 * Follows the journal from line `since`. The browser reconnects with the last id it got, so nothing is lost or seen
 * twice; after `lagged` and `unavailable` the stream is opened again where it stopped.
 */
export function follow(since, { onLine, onState }) {
  let next = since;
  let source;
  let timer;
  const open = () => {
    clearTimeout(timer);
    source = new EventSource(`/v1/stream?since_seq=${next}`);
    source.onopen = () => onState('live');
    source.onmessage = (event) => {
      const line = JSON.parse(event.data);
      if (line.seq < next) return;
      next = line.seq + 1;
      onLine(line);
    };
    source.onerror = () => {
      onState('reconnecting');
      // The browser gives up after an answer that is no stream, such as 503: then it is our turn.
      if (source.readyState === EventSource.CLOSED) again(3000);
    };
    for (const reason of ['lagged', 'unavailable']) {
      source.addEventListener(reason, (event) => {
        next = Math.max(next, JSON.parse(event.data).resume_seq);
        onState('reconnecting');
        again(1000);
      });
    }
  };
  const again = (delay) => {
    source.close();
    clearTimeout(timer);
    timer = setTimeout(open, delay);
  };
  open();
}
