/**
 * Who a host is. Its address is its name: what `peers.advertise` says, `host:port`, the same for all who talk to it. A
 * restart is a new life, with a higher incarnation: the Unix time in milliseconds at which the process started.
 */
export interface Peer {
  readonly address: string;
  readonly incarnation: number;
}
