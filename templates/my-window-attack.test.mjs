// node --test my-attack.test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildWindows, checkAttack, createRng, createTraceBuilder, loadPlugins } from 'homeveil';

const { attacks } = await loadPlugins([fileURLToPath(new URL('my-attack.ts', import.meta.url))]);
const attack = attacks.find(({ name }) => name === 'my-attack');

test('keeps the contract', async () => {
  const { checks } = await checkAttack(attack);
  assert.deepEqual(
    checks.filter(({ passed }) => !passed),
    [],
  );
});

/** Windows of one packet each, of a lamp and a lock: their lengths in bytes. */
function makeWindows(packets) {
  const names = ['lamp', 'lock'];
  const builder = createTraceBuilder(names.map((name) => ({ name, category: 'iot' })));
  const flow = builder.flow({
    transport: 6,
    localPort: 50_000,
    remotePort: 443,
    localAddress: '192.168.1.10',
    remoteAddress: '198.51.100.1',
    wan: true,
    header: 14,
  });
  for (const [time, [device, length]] of packets.entries()) {
    builder.push({ time, length, direction: 1, protocols: 3, port: 443, flow, device });
  }
  const options = { size: 1, stride: 1, mix: 'flow', port: 'service', classes: names };
  return buildWindows(builder.build(), options).windows;
}

test('probabilities fall with the distance to the centroids', async () => {
  // Centroids at 200 and 400 bytes; 100, 300, 300, 500 deviate from their mean of 300 by the square root of 20,000.
  const train = makeWindows([
    [0, 100],
    [0, 300],
    [1, 300],
    [1, 500],
  ]);
  const context = { parameters: { packets: 1 }, rng: createRng(1), threads: 1 };
  const identifier = await attack.fit(train, train, context);
  const [lamp, lock] = await identifier.predict(makeWindows([[1, 200]]));
  // 200 bytes are at the lamp's centroid, and 200 from the lock's: 200 x 200 / 20,000 = 2 squared deviations.
  assert.ok(Math.abs(lamp - 1 / (1 + Math.exp(-1))) < 1e-6);
  assert.ok(Math.abs(lock - Math.exp(-1) / (1 + Math.exp(-1))) < 1e-6);
});
