import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { hashSlot } from '../../src/redis/slot.ts';
import { freePort } from '../support/free-port.ts';
import { startRedis } from '../support/redis.ts';

const ascii = fc.string({ unit: 'binary-ascii', maxLength: 60 });
const tagged = fc.tuple(ascii, ascii, ascii).map(([a, b, c]) => `${a}{${b}}${c}`);

describe('hashSlot', () => {
  it('is what the server says (CLUSTER KEYSLOT), with and without hash tags', async () => {
    const busPort = await freePort();
    await using server = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)] });
    const client = new Redis(server.url);
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.oneof(ascii, tagged), { minLength: 1, maxLength: 50 }), async (keys) => {
          const said = await Promise.all(keys.map((key) => client.cluster('KEYSLOT', key)));
          assert.deepEqual(keys.map(hashSlot), said);
        }),
      );
    } finally {
      client.disconnect();
    }
  });
});
