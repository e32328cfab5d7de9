import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { countedAddress } from '../../src/limiter/ip-prefix.ts';

describe('the address that is counted', () => {
  it('is the address itself for IPv4', () => {
    assert.equal(countedAddress('192.0.2.7'), '192.0.2.7');
  });

  it('is the /64 for IPv6, wherever the zeros are', () => {
    const cases: [string, string][] = [
      ['::1', '::/64'],
      ['::', '::/64'],
      ['2001:db8::1', '2001:db8::/64'],
      ['2001:db8:0:1::', '2001:db8:0:1::/64'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['0:0:0:1::', '0:0:0:1::/64'],
      ['1::8', '1::/64'],
      ['1::4:5:6:7:8', '1:0:0:4::/64'],
      ['::2:3:4:5:6:7:8', '0:2:3:4::/64'],
      ['fe80::1%eth0', 'fe80::/64'],
      ['64:ff9b::192.0.2.1', '64:ff9b::/64'],
    ];
    for (const [address, expected] of cases) assert.equal(countedAddress(address), expected, address);
  });

  it('is the same for two addresses just when their first 64 bits are', () => {
    const group = fc.constantFrom(0, 0, 1, 0xabcd);
    const address = fc.array(group, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(address, address, (a, b) => {
        const [x, y] = [a, b].map((groups) => countedAddress(new ipaddr.IPv6(groups).toRFC5952String()));
        assert.equal(x === y, a.slice(0, 4).join() === b.slice(0, 4).join());
        const network = ipaddr.IPv6.parseCIDR(x ?? '')[0].parts.slice(0, 4);
        assert.deepEqual(network, a.slice(0, 4));
      }),
      { numRuns: 1_000 },
    );
  });
});
