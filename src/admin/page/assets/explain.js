/** Asks `POST /v1/explain` about a request, and how much each of its keys has left. */
import { ask } from './ask.js';
import { byId, el, setText } from './dom.js';
import { count, span } from './format.js';

/**
 * @typedef {object} ExplainedLimit
 * @property {string} limit
 * @property {boolean} applies
 * @property {string} [why]
 * @property {string} [key]
 * @property {number} cost
 * @property {string} [override]
 * @property {readonly string[]} policies
 * @property {string} sharing
 * @property {string} mode
 * @property {string} onFailure
 * @property {readonly string[]} counters
 */
/**
 * @typedef {object} Explanation
 * @property {string} method
 * @property {string} host
 * @property {string} path
 * @property {string} clientIp
 * @property {string} [route]
 * @property {string} [upstream]
 * @property {readonly ExplainedLimit[]} limits
 */
/** @typedef {{ readonly policy: string, readonly limit: number, readonly remaining: number, readonly resetMs: number }} Counter */

const error = byId('x-error');
const result = byId('explained');

export function explainBox() {
  const form = byId('explain');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void explain();
  });
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void explain();
  });
}

async function explain() {
  setText(error, '');
  try {
    const explanation = /** @type {Explanation} */ (await ask('/v1/explain', question()));
    const counters = await Promise.all(explanation.limits.map(countersOf));
    result.replaceChildren(...shown(explanation, counters));
    result.hidden = false;
    result.focus();
  } catch (reason) {
    result.hidden = true;
    setText(error, reason instanceof Error ? reason.message : String(reason));
    byId('x-url').focus();
  }
}

function question() {
  const address = value('x-address').trim();
  return {
    method: value('x-method'),
    url: value('x-url').trim(),
    headers: fields(value('x-headers')),
    ...(address === '' ? {} : { clientIp: address }),
  };
}

/** @param {string} id */
function value(id) {
  const field = byId(id);
  const isField =
    field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement;
  return isField ? field.value : '';
}

/** @param {string} text */
function fields(text) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`“${line.trim()}” is no header field (write name: value)`);
    found[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
  }
  return found;
}

/** What the key has left; nothing where that cannot be said. @param {ExplainedLimit} limit @returns {Promise<readonly Counter[]>} */
async function countersOf({ limit, applies, key }) {
  if (!applies || key === undefined) return [];
  try {
    const path = `/v1/limits/${encodeURIComponent(limit)}/keys/${encodeURIComponent(key)}`;
    return /** @type {{ counters: readonly Counter[] }} */ (await ask(path)).counters;
  } catch {
    return [];
  }
}

/** @param {Explanation} explanation @param {readonly (readonly Counter[])[]} counters */
function shown({ method, host, path, clientIp, route, upstream, limits }, counters) {
  const facts = el(
    'dl',
    { class: 'facts' },
    fact('Request', `${method} ${host}${path}`),
    fact('Client', clientIp),
    fact('Route', route ?? 'none matches: 404'),
    ...(upstream === undefined ? [] : [fact('Goes to', upstream)]),
  );
  if (limits.length === 0) return [facts, el('p', {}, route === undefined ? '' : 'No limit is on this route.')];
  return [
    facts,
    el('ol', { class: 'met' }, ...limits.map((limit, i) => el('li', {}, ...met(limit, counters[i] ?? [])))),
  ];
}

/** @param {string} name @param {string} text */
function fact(name, text) {
  return el('div', {}, el('dt', {}, name), el('dd', {}, text));
}

/** @param {ExplainedLimit} limit @param {readonly Counter[]} counters */
function met(limit, counters) {
  const title = el('h3', {}, limit.limit);
  if (!limit.applies) return [title, el('p', { class: 'quiet' }, `does not apply: ${limit.why ?? 'no reason given'}`)];
  const words = [
    ...(limit.cost === 1 ? [] : [`costs ${limit.cost}`]),
    ...(limit.override === undefined ? [] : [`override ${limit.override}`]),
    ...(limit.mode === 'shadow' ? ['shadow mode'] : []),
    `shared by ${limit.sharing}`,
    `on failure: ${limit.onFailure}`,
  ];
  const rules = counters.length === 0 ? limit.policies.map((policy) => el('li', {}, policy)) : counters.map(standing);
  return [
    title,
    el('p', {}, 'Key ', el('code', {}, limit.key ?? ''), ` · ${words.join(' · ')}`),
    rules.length === 0 ? el('p', {}, 'Unlimited for this key.') : el('ul', { class: 'standings' }, ...rules),
    ...(limit.counters.length === 0
      ? []
      : [
          el(
            'p',
            { class: 'quiet' },
            'Counted in ',
            ...limit.counters.flatMap((name, i) => [i === 0 ? '' : ', ', el('code', {}, name)]),
          ),
        ]),
  ];
}

/** @param {Counter} counter */
function standing({ policy, limit, remaining, resetMs }) {
  const meter = el('meter', {
    min: '0',
    max: String(limit),
    value: String(remaining),
    low: String(limit * 0.1),
    'aria-label': `Left of ${policy}`,
  });
  const reset = remaining < limit && resetMs > 0 ? `, all back in ${span(resetMs + 999)}` : '';
  return el(
    'li',
    {},
    meter,
    ` ${count(remaining)} of ${count(limit)} left${reset} `,
    el('span', { class: 'quiet' }, policy),
  );
}
