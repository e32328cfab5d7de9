import type { Fault } from './faults.ts';

/** Whose request is forwarded; hears of the end exactly once. */
export interface ForwardingOwner {
  /** The response is complete, or the tunnel has ended; the client may still be reading. */
  forwarded(): void;
  /** Nothing was sent to the client yet; the owner answers. */
  unanswered(fault: Fault): void;
  /** The response broke off after its head; the client connection is being destroyed. */
  brokenOff(fault: Fault): void;
}
