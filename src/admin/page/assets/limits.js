/** A card for each busy limit, with its hottest keys; a table for the others. */
import { Series, Sparkline } from './chart.js';
import { byId, el, rebuild, setText } from './dom.js';
import { amount, count, percent, plural, span } from './format.js';

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */
/** @typedef {import('../snapshot-schema.ts').SnapshotLimit} Limit */
/** @typedef {{ readonly key: string, readonly asked: number | undefined, readonly refused: number | undefined }} Hot */

const ROWS = 6;

class Card {
  #rule = el('p', { class: 'rule' });
  #rate = el('span', { class: 'number' }, '–');
  #share = el('span', { class: 'number' }, '–');
  #badges = el('p', { class: 'badges' });
  #spark = new Sparkline(['first', 'refused']);
  #caption = el('caption', { class: 'hidden' });
  #body = el('tbody');
  #nobody = el('p', { class: 'quiet' }, 'Nobody has asked lately.');
  #table = el(
    'table',
    { class: 'keys' },
    this.#caption,
    el('thead', {}, el('tr', {}, ...[th('Key'), th('Asked', 'right'), th('Refused', 'right')])),
    this.#body,
  );
  #all = new Series();
  #denied = new Series();
  element;

  /** @param {string} name @param {string} id */
  constructor(name, id) {
    const title = el('h3', { id }, name);
    const figures = el(
      'p',
      { class: 'figures' },
      el('span', {}, this.#rate, el('span', { class: 'unit' }, 'decisions/s')),
      el('span', {}, this.#share, el('span', { class: 'unit' }, 'refused')),
    );
    this.element = el(
      'article',
      { class: 'panel limit', 'aria-labelledby': id },
      el('div', { class: 'head' }, title, this.#badges),
      this.#rule,
      el('div', { class: 'beside' }, figures, this.#spark.element),
      this.#table,
      this.#nobody,
    );
  }

  /** @param {Limit} limit @param {boolean} measured */
  show(limit, measured) {
    setText(this.#rule, ruleOf(limit));
    rebuild(this.#badges, badgesOf(limit), () =>
      badgesOf(limit).map(([kind, text]) => el('span', { class: kind }, text)),
    );
    if (measured) {
      const { all, refused } = ratesOf(limit);
      this.#all.push(all);
      this.#denied.push(refused);
      setText(this.#rate, amount(all));
      setText(this.#share, all === 0 ? '–' : percent(refused / all));
      this.#spark.draw([this.#all, this.#denied], 1);
    }
    const keys = hottest(limit);
    this.#table.hidden = keys.length === 0;
    this.#nobody.hidden = keys.length > 0;
    setText(this.#caption, `Busiest keys of ${limit.name}, last ${span((limit.top?.seconds ?? 0) * 1000)}`);
    this.#fill(keys);
  }

  /** Rows stay where they are, so that a selection or a focus does too. @param {readonly Hot[]} keys */
  #fill(keys) {
    const most = Math.max(1, ...keys.map(({ asked, refused }) => asked ?? refused ?? 0));
    while (this.#body.rows.length > keys.length) this.#body.deleteRow(-1);
    for (const [i, { key, asked, refused }] of keys.entries()) {
      const row = this.#body.rows[i] ?? this.#body.appendChild(keyRow());
      const [name, askedCell, refusedCell] = row.cells;
      const [text, bar] = name?.children ?? [];
      if (text === undefined || !(bar instanceof HTMLElement) || askedCell === undefined || refusedCell === undefined)
        continue;
      setText(text, key);
      setText(askedCell, asked === undefined ? 'few' : count(asked));
      setText(refusedCell, refused === undefined ? '0' : count(refused));
      refusedCell.className = refused === undefined || refused === 0 ? 'none' : 'no';
      const all = asked ?? refused ?? 0;
      bar.style.width = `${((100 * all) / most).toFixed(1)}%`;
      bar.style.setProperty(
        '--refused-part',
        `${((100 * Math.min(refused ?? 0, all)) / Math.max(1, all)).toFixed(1)}%`,
      );
    }
  }
}

export class Limits {
  #parent = byId('limits');
  #more = byId('limits-more');
  #others = el('div', { class: 'panel wide-card', hidden: '' });
  /** @type {Map<string, Card>} */
  #cards = new Map();
  #made = 0;

  /** @param {Snapshot} snapshot */
  show({ limits, limitsLeftOut, seconds }) {
    const busy = limits.filter(({ top }) => top !== undefined);
    for (const name of this.#cards.keys()) {
      if (busy.some((limit) => limit.name === name)) continue;
      this.#cards.get(name)?.element.remove();
      this.#cards.delete(name);
    }
    const order = busy.map((limit) => {
      const card = this.#cards.get(limit.name) ?? this.#create(limit.name);
      card.show(limit, seconds > 0);
      return card.element;
    });
    const shown = [...this.#parent.children].filter((child) => child !== this.#others);
    if (order.length !== shown.length || order.some((element, i) => element !== shown[i])) {
      this.#parent.replaceChildren(...order, this.#others);
    }
    this.#showOthers(limits.filter(({ top }) => top === undefined));
    this.#more.hidden = limitsLeftOut === 0 && limits.length > 0;
    setText(
      this.#more,
      limits.length === 0
        ? 'There are no limits: every request passes.'
        : `And ${plural(limitsLeftOut, 'more limit')}.`,
    );
  }

  /** @param {string} name */
  #create(name) {
    const card = new Card(name, `limit-${this.#made++}`);
    this.#cards.set(name, card);
    return card;
  }

  /** @param {readonly Limit[]} others */
  #showOthers(others) {
    this.#others.hidden = others.length === 0;
    const rows = others.map((limit) => {
      const { all, refused } = ratesOf(limit);
      return [limit.name, ruleOf(limit), amount(all), all === 0 ? '–' : percent(refused / all)];
    });
    rebuild(this.#others, rows, () => [
      el(
        'table',
        {},
        el('caption', {}, 'Limits that are asked less'),
        el('thead', {}, el('tr', {}, th('Limit'), th('Rule'), th('Decisions/s', 'right'), th('Refused', 'right'))),
        el(
          'tbody',
          {},
          ...rows.map(([name = '', ...cells]) =>
            el('tr', {}, th(name, '', 'row'), ...cells.map((cell) => el('td', {}, cell))),
          ),
        ),
      ),
    ]);
  }
}

/** @param {Limit} limit */
function ratesOf({ allowedPerSecond, deniedPerSecond, shadowDeniedPerSecond }) {
  const refused = deniedPerSecond + shadowDeniedPerSecond;
  return { all: allowedPerSecond + refused, refused };
}

/** @param {Limit} limit */
function ruleOf({ rates, max, key, overrides }) {
  const rule = max === undefined ? rates.join(' and ') : `${max} in flight`;
  return `${rule} by ${key.join(' + ')}${overrides === 0 ? '' : `, ${plural(overrides, 'override')}`}`;
}

/** @param {Limit} limit @returns {readonly (readonly [string, string])[]} */
function badgesOf({ algorithm, sharing, mode }) {
  const shadow = /** @type {const} */ (['badge shadow', 'shadow: refuses nobody']);
  return [...(mode === 'shadow' ? [shadow] : []), ['badge', algorithm], ['badge', sharing]];
}

/** Those asked most, then those refused most that are not among them. @param {Limit} limit @returns {readonly Hot[]} */
function hottest({ top }) {
  if (top === undefined) return [];
  const refused = new Map(top.refused.map(({ key, count: times }) => [key, times]));
  const asked = top.asked.map(({ key, count: times }) => ({ key, asked: times, refused: refused.get(key) }));
  const known = new Set(asked.map(({ key }) => key));
  const others = top.refused
    .filter(({ key }) => !known.has(key))
    .map(({ key, count: times }) => ({ key, asked: undefined, refused: times }));
  return [...asked, ...others].slice(0, ROWS);
}

function keyRow() {
  const bar = el('span', { class: 'bar', 'aria-hidden': 'true' });
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, el('span', { class: 'name' }), bar),
    el('td'),
    el('td', { class: 'no' }),
  );
}

/** @param {string} text @param {string} [name] @param {'col' | 'row'} [scope] */
export function th(text, name = '', scope = 'col') {
  return el('th', { scope, class: name === '' ? undefined : name }, text);
}
