import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { parseHostList } from '../../../src/cluster/discovery/host-list.ts';

it('one host a line; comments, blank lines, ends of lines and repetitions do not matter', () => {
  const text = [
    '\uFEFF# all of them',
    '10.1.2.3:7946',
    '  10.1.2.4:7946   # the second',
    '',
    'Gw-5.Example:1',
    '[2001:DB8:0::1]:7946\r',
    '[::ffff:10.1.2.6]:7946',
    '10.1.2.3:7946',
    '10.1.2.7:65535',
  ].join('\n');
  assert.deepEqual(parseHostList(text), {
    addresses: [
      '10.1.2.3:7946',
      '10.1.2.4:7946',
      'gw-5.example:1',
      '[2001:db8::1]:7946',
      '10.1.2.6:7946',
      '10.1.2.7:65535',
    ],
    faults: [],
  });
});

it('a line that names no host is told of with its number and a hint, and the others count', () => {
  const bad = {
    '10.1.2.3': 'has no port (for example 10.1.2.3:7946)',
    'gw-1': 'has no port (for example gw-1:7946)',
    '2001:db8::1': 'has no port (an IPv6 address stands in brackets: [2001:db8::1]:7946)',
    '[2001:db8::1]': 'is not host:port',
    '[10.1.2.3]:7946': 'has no IPv6 address in its brackets',
    '[x:y]:7946': 'has no IPv6 address in its brackets',
    '10.1.2.3:0': 'has port 0 (a port is 1 to 65535)',
    '10.1.2.3:70000': 'has port 70000 (a port is 1 to 65535)',
    '10.1.2.300:7946': 'has no IP address or host name before its port',
    'a b:7946': 'is more than one host',
    '10.1.2.3:7946,10.1.2.4:7946': 'is more than one host',
    'http://10.1.2.3:7946/x': 'is a URL (write 10.1.2.3:7946)',
    '-:7946': 'has no IP address or host name before its port',
    'ho\u001b[31mst:7946': 'is not host:port',
  };
  const { addresses, faults } = parseHostList(['good:1', ...Object.keys(bad), 'fine:2'].join('\n'));
  assert.deepEqual(addresses, ['good:1', 'fine:2']);
  for (const [i, [entry, expected]] of Object.entries(bad).entries()) {
    const { line, message, hint } = faults[i] ?? assert.fail(entry);
    assert.equal(line, i + 2);
    const shown = `"${entry.replaceAll('\u001b', '?')}"`;
    assert.ok(`${message} (${hint})`.startsWith(`${shown} ${expected}`), `${message} (${hint})`);
  }
  assert.equal(faults.length, Object.keys(bad).length);
});

it('reads anything without failing, and hands on nothing but host:port', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), (text) => {
      for (const address of parseHostList(text).addresses)
        assert.match(address, /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+):\d+$/);
    }),
  );
});

it('takes no more than 16,384 hosts', () => {
  const { addresses, faults } = parseHostList(Array.from({ length: 20_000 }, (_, i) => `h${i}:1`).join('\n'));
  assert.equal(addresses.length, 16_384);
  assert.deepEqual(faults, [
    { line: 16_385, message: 'more than 16384 hosts', hint: 'this line and what follows is left out' },
  ]);
});
