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

/** A lamp and a lock behind one port: packets of 100 and of 300 bytes. */
function makeWindows(devices) {
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
  for (const [time, device] of devices.entries()) {
    builder.push({ time, length: 100 + 200 * device, direction: 1, protocols: 3, port: 443, flow, device });
  }
  const options = { size: 4, stride: 4, mix: 'home', port: 'service', classes: names };
  return buildWindows(builder.build(), options).windows;
}

test('probabilities are those of Bayes', async () => {
  const train = makeWindows([0, 0, 0, 1]);
  const context = { parameters: { smoothing: 1 }, rng: createRng(1), threads: 1 };
  const identifier = await attack.fit(train, train, context);
  const [lamp, lock] = await identifier.predict(makeWindows([1]));
  // Port and protocols, one value each and one not seen: (3 + 1) / (3 + 2) and (1 + 1) / (1 + 2), twice.
  // Length, two values and one not seen: (0 + 1) / (3 + 3) and (1 + 1) / (1 + 3). Three of four packets are the lamp's.
  const [a, b] = [(3 / 4) * (4 / 5) ** 2 * (1 / 6), (1 / 4) * (2 / 3) ** 2 * (2 / 4)];
  assert.ok(Math.abs(lamp - a / (a + b)) < 1e-6);
  assert.ok(Math.abs(lock - b / (a + b)) < 1e-6);
});
