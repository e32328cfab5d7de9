/**
 * What an address is counted as. An IPv4 address stands for itself. An IPv6 address is cut to its /64, the smallest block
 * that one customer gets (RFC 6177): whoever holds one holds 2^64 addresses and would otherwise have as many quotas.
 *
 * @param address IPv4 dotted, or IPv6 in canonical text (RFC 5952); a zone id is dropped
 */
export function countedAddress(address: string): string {
  if (!address.includes(':')) return address;
  const zone = address.indexOf('%');
  const plain = zone === -1 ? address : address.slice(0, zone);
  const gap = plain.indexOf('::');
  const head = (gap === -1 ? plain : plain.slice(0, gap)).split(':');
  const groups: string[] = [];
  if (gap === -1) {
    groups.push(...head.slice(0, 4));
  } else {
    const tail = plain.slice(gap + 2);
    const front = head[0] === '' ? [] : head;
    const back = tail === '' ? [] : tail.split(':');
    // A dotted tail (::ffff:1.2.3.4) fills two groups.
    const width = back.length + (back.at(-1)?.includes('.') === true ? 1 : 0);
    for (let i = 0; i < 4; i++) {
      const inBack = i - (8 - width);
      groups.push(front[i] ?? (inBack >= 0 ? (back[inBack] ?? '0') : '0'));
    }
  }
  while (groups.at(-1) === '0') groups.pop();
  return `${groups.join(':')}::/64`;
}
