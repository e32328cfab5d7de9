/** The picture of the hosts, and the same as a table. */
import { byId, el, rebuild, setText } from './dom.js';
import { ago, plural } from './format.js';
import { th } from './limits.js';
import { pictureOf } from './picture.js';

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */

export class Hosts {
  #note = byId('hosts-note');
  #picture = byId('picture');
  #details = byId('hosts-details');
  #table = byId('hosts-table');

  /** @param {Snapshot} snapshot */
  show(snapshot) {
    const { peers, peersLeftOut, store, at } = snapshot;
    setText(this.#note, peers.discovery === undefined ? '' : `found through ${peers.discovery}`);
    const seen = peers.peers.map(({ address, state }) => [address, state]);
    const shape = [peers.self?.address, seen, peers.leaders, peersLeftOut, store?.instances, store?.circuit];
    rebuild(this.#picture, shape, () => [pictureOf(snapshot)]);
    this.#details.hidden = peers.self === undefined;
    if (peers.self === undefined) return;
    const rows = [
      [peers.self.address, 'this host', ago(peers.self.incarnation, at), leadsOf(snapshot, peers.self.address)],
      ...peers.peers.map(({ address, state, since }) => [address, state, ago(since, at), leadsOf(snapshot, address)]),
    ];
    if (this.#details instanceof HTMLDetailsElement && !this.#details.open) return;
    rebuild(this.#table, rows, () => [
      el(
        'table',
        {},
        el(
          'caption',
          {},
          `Hosts as this one sees them${peersLeftOut === 0 ? '' : `; ${plural(peersLeftOut, 'more')} not shown`}`,
        ),
        el('thead', {}, el('tr', {}, th('Address'), th('State'), th('Since'), th('Leads'))),
        el(
          'tbody',
          {},
          ...rows.map(([name = '', ...cells]) =>
            el('tr', {}, th(name, 'name', 'row'), ...cells.map((cell) => el('td', {}, cell))),
          ),
        ),
      ),
    ]);
  }
}

/** @param {Snapshot} snapshot @param {string} address */
function leadsOf({ peers }, address) {
  const led = peers.leaders.filter((leader) => leader.address === address);
  if (led.length === 0) return '–';
  const slots = led.filter(({ sharing }) => sharing === 'leader').map(({ slot }) => slot);
  const all = led.some(({ sharing }) => sharing === 'random-leaders') ? ['all keys (random-leaders)'] : [];
  return [...(slots.length === 0 ? [] : [`slot ${slots.join(', ')}`]), ...all].join('; ');
}
