import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerHealth } from '../../../src/proxy/upstream/server-health.ts';

test('consecutive failures eject, a success in between starts the count again', () => {
  const health = new ServerHealth(3, 1_000);
  assert.equal(health.failed(0, true), false);
  assert.equal(health.failed(0, true), false);
  health.succeeded();
  assert.equal(health.failed(0, true), false);
  assert.equal(health.failed(0, true), false);
  assert.equal(health.failed(0, true), true);
  assert.equal(health.available(999), false);
  assert.equal(health.inRotation, false);
});

test('after its time one request is let through; its end decides', () => {
  const health = new ServerHealth(1, 1_000);
  assert.equal(health.failed(0, true), true);
  assert.equal(health.available(1_000), true);
  health.sent(1_000);
  assert.equal(health.available(1_001), false, 'one trial at a time');
  assert.equal(health.failed(1_100, true), false, 'ejected once, not again');
  assert.equal(health.available(2_099), false);
  assert.equal(health.available(2_100), true);
  health.sent(2_100);
  health.succeeded();
  assert.equal(health.available(2_101), true);
  assert.equal(health.inRotation, true);
});

test('a trial whose end is never told does not block for ever', () => {
  const health = new ServerHealth(1, 1_000);
  health.failed(0, true);
  health.sent(1_000);
  assert.equal(health.available(1_999), false);
  assert.equal(health.available(2_000), true);
});

test('without another server in rotation there is no ejection', () => {
  const health = new ServerHealth(1, 1_000);
  assert.equal(health.failed(0, false), false);
  assert.equal(health.available(0), true);
});
