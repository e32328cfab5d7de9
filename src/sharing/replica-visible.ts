import type { ReplicaSlot } from './replica-counter.ts';

/** Which other hosts a way of sharing sees now, for limits of which it may use a share only. */
export interface Visibility {
  /** Their addresses; all lives of a host count with it. Another set after each change. */
  readonly addresses: ReadonlySet<string>;
  /** Whether what leaders said counts as well: they do not say of whom it is. */
  readonly totals: boolean;
}

/** Units of a slot that hosts hold which can be seen, this one included. As many steps as there are hosts, once a change. */
export function visibleNet(slot: ReplicaSlot, visibility: Visibility): number {
  const { others, floor, visible } = slot;
  const own = slot.taken - slot.returned;
  if (others === undefined && floor === undefined) return Math.max(0, own);
  if (visible?.visibility === visibility && visible.changes === slot.changes) return visible.net;
  let known = 0;
  for (let place = 0; place < (others?.hosts.length ?? 0); place++) {
    const host = others?.hosts[place];
    if (others === undefined || host === undefined || !visibility.addresses.has(host.address)) continue;
    known += others.takenAt(place) - others.returnedAt(place);
  }
  if (visibility.totals && floor !== undefined) known = Math.max(known, floor.taken - floor.returned);
  const net = Math.max(0, own + known);
  slot.visible = { visibility, changes: slot.changes, net };
  return net;
}
