/** The stream of snapshots, connected again when it breaks, and let go while nobody looks at the page. */

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */
/** @typedef {'waiting' | 'live' | 'lost'} LinkState */

const RETRY_MS = 3_000;
/** A stream that is silent for so long is dead, whatever its connection says. */
const SILENCE_MS = 6_000;
/** A page that was hidden for so long lets go of its stream. */
const HIDDEN_MS = 60_000;

/**
 * @param {(snapshot: Snapshot) => void} onSnapshot
 * @param {(state: LinkState) => void} onState
 */
export function listen(onSnapshot, onState) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const later = (/** @type {number} */ ms, /** @type {() => void} */ what) => {
    clearTimeout(timer);
    timer = setTimeout(what, ms);
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const lost = () => {
    close();
    onState('lost');
    later(RETRY_MS, open);
  };
  const open = () => {
    close();
    // Not relative: an address with a password in it would be refused.
    source = new EventSource(`${location.origin}/v1/events`);
    later(SILENCE_MS, lost);
    source.addEventListener('snapshot', (event) => {
      later(SILENCE_MS, lost);
      onState('live');
      onSnapshot(JSON.parse(event.data));
    });
    source.addEventListener('error', lost);
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) {
      if (source === undefined) open();
      else later(SILENCE_MS, lost);
    } else {
      later(HIDDEN_MS, close);
    }
  });
  addEventListener('pagehide', close);
  addEventListener('pageshow', (event) => event.persisted && open());
  open();
}
