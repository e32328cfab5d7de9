/** The dashboard: shows what `GET /v1/events` tells, once a second. */
import { byId, setAttribute, setText } from './dom.js';
import { explainBox } from './explain.js';
import { Fleet } from './fleet.js';
import { Hosts } from './hosts.js';
import { Limits } from './limits.js';
import { listen } from './live.js';
import { Numbers } from './numbers.js';
import { Reload } from './reload.js';
import { Status } from './status.js';
import { Store } from './store.js';

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */

const LINK = { waiting: 'connecting…', live: 'live', lost: 'no connection; trying again' };

const [status, numbers, fleet, limits, hosts, store, reload] = [
  new Status(),
  new Numbers(),
  new Fleet(),
  new Limits(),
  new Hosts(),
  new Store(),
  new Reload(),
];
const [link, linkText, version, instance] = ['link', 'link-text', 'version', 'instance'].map(byId);

/** @param {Snapshot} snapshot */
function show(snapshot) {
  status.show(snapshot);
  numbers.add(snapshot);
  limits.show(fleet.applied(snapshot));
  hosts.show(snapshot);
  store.show(snapshot);
  reload.show(snapshot);
  if (version !== undefined) setText(version, snapshot.version);
  if (instance !== undefined) setText(instance, `Instance ${snapshot.instance}`);
}

listen(show, (state) => {
  if (link !== undefined) setAttribute(link, 'data-state', state);
  if (linkText !== undefined) setText(linkText, LINK[state]);
  document.body.classList.toggle('stale', state === 'lost');
});
explainBox();
