/** Who is there, as a picture: this host, the others around it, what they share. State is shape and line, not colour alone. */
import { svg } from './dom.js';
import { plural } from './format.js';

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */
/** @typedef {'self' | 'alive' | 'suspect' | 'dead' | 'gone'} State */
/** @typedef {{ readonly label: string, readonly state: State, readonly leads: boolean }} Host */

const WIDTH = 420;
const HEIGHT = 300;
const [CX, CY] = [WIDTH / 2, HEIGHT / 2];
/** More would be dots without names, and then none at all. */
const MOST_NAMES = 10;
const MOST_DOTS = 60;
const LONGEST = 21;

/** @param {Snapshot} snapshot @returns {SVGSVGElement} */
export function pictureOf(snapshot) {
  const { peers, store } = snapshot;
  if (peers.self !== undefined) return peerPicture(snapshot);
  return store === undefined ? alone() : storePicture(store.instances, store.circuit);
}

/** @param {Snapshot} snapshot */
function peerPicture({ peers, peersLeftOut, store }) {
  const leaders = new Set(peers.leaders.map(({ address }) => address));
  const others = peers.peers.slice(0, MOST_DOTS);
  const left = peers.peers.length - others.length + peersLeftOut;
  const self = {
    label: peers.self?.address ?? '',
    state: /** @type {const} */ ('self'),
    leads: leaders.has(peers.self?.address),
  };
  const spots = ring(others.length);
  const named = others.length <= MOST_NAMES;
  const picture = frame(
    'Hosts that share counts',
    `This host, ${self.label}, and ${plural(others.length + left, 'other')}: ${summary(others)}.`,
    ...spots.map(([x, y], i) => link(x, y, others[i]?.state ?? 'alive')),
    ...spots.map(([x, y], i) => {
      const peer = others[i];
      const host = { label: peer?.address ?? '', state: peer?.state ?? 'alive', leads: leaders.has(peer?.address) };
      return node(x, y, host, named);
    }),
    node(CX, CY, self, true),
    legend([...new Set(others.map(({ state }) => state))], leaders.size > 0),
  );
  if (left > 0) picture.append(text(WIDTH - 8, HEIGHT - 10, `and ${plural(left, 'more host')}`, 'end'));
  if (store !== undefined)
    picture.append(text(WIDTH - 8, 18, `Redis beside: ${plural(store.instances, 'instance')}`, 'end'));
  return picture;
}

/** @param {readonly { readonly state: State }[]} hosts */
function summary(hosts) {
  const states = /** @type {const} */ (['alive', 'suspect', 'dead', 'gone']);
  const counted = states.map((state) => [hosts.filter((host) => host.state === state).length, state]);
  return (
    counted
      .filter(([n]) => n !== 0)
      .map(([n, state]) => `${n} ${state}`)
      .join(', ') || 'nobody else'
  );
}

/** @param {number} instances @param {'closed' | 'open' | 'half_open'} circuit */
function storePicture(instances, circuit) {
  const shown = Math.min(instances, MOST_DOTS);
  const state = circuit === 'closed' ? 'alive' : 'dead';
  const spots = ring(shown);
  const says = circuit === 'closed' ? 'It answers this instance.' : 'It does not answer this instance.';
  const picture = frame(
    'Instances that share Redis',
    `${plural(instances, 'instance')}, this one included, ${instances === 1 ? 'counts' : 'count'} in one Redis. ${says}`,
    // What the others see of it is not known here.
    ...spots.map(([x, y], i) => link(x, y, i === 0 ? state : 'alive')),
    ...spots.map(([x, y], i) => {
      const label = i === 0 ? 'this instance' : shown <= MOST_NAMES ? 'instance' : '';
      return node(x, y, { label, state: i === 0 ? 'self' : 'alive', leads: false }, label !== '');
    }),
    drum(),
  );
  if (instances > shown)
    picture.append(text(WIDTH - 8, HEIGHT - 10, `and ${plural(instances - shown, 'more instance')}`, 'end'));
  return picture;
}

function alone() {
  return frame(
    'One instance',
    'This instance counts in its own memory and knows no others.',
    node(CX, CY - 12, { label: 'this instance', state: 'self', leads: false }, true),
    text(CX, CY + 62, 'counts in its own memory, knows no others', 'middle'),
  );
}

/** @param {string} title @param {string} description @param {...Node} children */
function frame(title, description, ...children) {
  const attributes = {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: 'img',
    'aria-labelledby': 'picture-title picture-desc',
  };
  const [heading, desc] = [
    svg('title', { id: 'picture-title' }, title),
    svg('desc', { id: 'picture-desc' }, description),
  ];
  return svg('svg', attributes, heading, desc, ...children);
}

/** Places around the middle, the first at the left. @param {number} n @returns {[number, number][]} */
function ring(n) {
  const [a, b] = [WIDTH / 2 - 74, HEIGHT / 2 - 46];
  return Array.from({ length: n }, (_, i) => {
    const angle = Math.PI + (i * 2 * Math.PI) / n;
    return [Math.round(CX + a * Math.cos(angle)), Math.round(CY - 6 + b * Math.sin(angle))];
  });
}

/** @param {number} x @param {number} y @param {State} state */
function link(x, y, state) {
  return svg('line', { class: `edge ${state}`, x1: CX, y1: CY, x2: x, y2: y });
}

/** @param {number} x @param {number} y @param {Host} host @param {boolean} named */
function node(x, y, { label, state, leads }, named) {
  const r = state === 'self' ? 15 : named ? 11 : 6;
  const group = svg('g', { class: `node ${state}`, transform: `translate(${x} ${y})` }, svg('circle', { r }));
  if (state === 'dead') group.append(svg('path', { class: 'cross', d: cross(r * 0.45) }));
  if (state === 'suspect' && named) group.append(text(0, 4.5, '?', 'middle', 'mark'));
  if (leads)
    group.append(
      svg('path', { class: 'crown', d: 'M-9 -3l2 -9 5 4 4 -6 4 6 5 -4 2 9z', transform: `translate(-2 ${-r - 3})` }),
    );
  if (named) group.append(text(0, r + 17, short(label), 'middle'));
  return group;
}

/** The table has them in full. @param {string} label */
function short(label) {
  return label.length <= LONGEST ? label : `${label.slice(0, LONGEST - 9)}…${label.slice(-8)}`;
}

/** @param {number} r */
function cross(r) {
  return `M${-r} ${-r}L${r} ${r}M${r} ${-r}L${-r} ${r}`;
}

function drum() {
  return svg(
    'g',
    { class: 'drum', transform: `translate(${CX} ${CY})` },
    svg('path', { d: 'M-34 -18v36a34 11 0 0 0 68 0v-36' }),
    svg('ellipse', { cx: 0, cy: -18, rx: 34, ry: 11 }),
    text(0, 12, 'Redis', 'middle', 'mark'),
  );
}

/** @param {readonly State[]} states @param {boolean} leads */
function legend(states, leads) {
  const words = { self: '', alive: '', suspect: '? silent', dead: '× lost', gone: 'dotted: left' };
  const items = [
    ...states.filter((state) => state !== 'alive').map((state) => words[state]),
    ...(leads ? ['crown: leads'] : []),
  ];
  return text(8, HEIGHT - 10, items.join(' · '), 'start');
}

/** @param {number} x @param {number} y @param {string} what @param {'start' | 'middle' | 'end'} anchor @param {string} [name] */
function text(x, y, what, anchor, name = 'label') {
  return svg('text', { x, y, 'text-anchor': anchor, class: name }, what);
}
