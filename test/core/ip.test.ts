import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CidrSet, canonicalIp, ipv4Bits } from '../../src/core/ip.ts';

test('an address has one spelling', () => {
  assert.equal(canonicalIp('10.0.0.1'), '10.0.0.1');
  assert.equal(canonicalIp('::FFFF:10.0.0.1'), '10.0.0.1');
  assert.equal(canonicalIp('::ffff:a00:1'), '10.0.0.1');
  assert.equal(canonicalIp('2001:DB8:0:0:0:0:0:1'), '2001:db8::1');
  assert.equal(canonicalIp('fe80::1%eth0'), 'fe80::1');
});

test('what is no address has none', () => {
  for (const text of [
    '',
    'unknown',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4:80',
    '0x7f.0.0.1',
    ':::',
    '1..2.3',
  ]) {
    assert.equal(canonicalIp(text), undefined, text);
  }
});

test('IPv4 bits round trip', () => {
  fc.assert(
    fc.property(fc.ipV4(), (ip) => {
      const bits = ipv4Bits(ip);
      const back = [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
      assert.equal(back, ip);
    }),
  );
});

test('blocks contain what their prefix covers', () => {
  const set = new CidrSet(['10.0.0.0/8', '192.168.1.7', '2001:db8::/33', '::ffff:172.16.0.0/108']);
  for (const ip of ['10.255.0.1', '192.168.1.7', '2001:db8:7fff::1', '172.31.255.255'])
    assert.equal(set.contains(ip), true, ip);
  for (const ip of ['11.0.0.1', '192.168.1.8', '2001:db8:8000::1', '172.32.0.0', '::1', '']) {
    assert.equal(set.contains(ip), false, ip);
  }
  assert.equal(new CidrSet(['0.0.0.0/0']).contains('255.1.2.3'), true);
  assert.equal(new CidrSet(['::/0']).contains('10.0.0.1'), false);
  assert.equal(new CidrSet([]).empty, true);
});

test('what is no block is refused in one line', () => {
  for (const text of ['10.0.0.0/33', '10.0.0.0/', 'x/8', '::/129', '10.0.0.0/8x']) {
    assert.throws(() => new CidrSet([text]), { code: 'SLUICE_CONFIG_INVALID', message: /not an address block/ }, text);
  }
});
