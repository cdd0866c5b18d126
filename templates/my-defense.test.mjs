// node --test my-defense.test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkDefense, createRng, createTraceBuilder, loadPlugins, shape } from 'homeveil';

const { defenses } = await loadPlugins([fileURLToPath(new URL('my-defense.ts', import.meta.url))]);
const defense = defenses.find(({ name }) => name === 'my-defense');

test('keeps the contract', async () => {
  const { checks } = await checkDefense(defense);
  assert.deepEqual(
    checks.filter(({ passed }) => !passed),
    [],
  );
});

/** One outbound flow of a lamp: a packet of 100 bytes at each of the times. */
function makeTrace(times) {
  const builder = createTraceBuilder([{ name: 'lamp', category: 'iot' }]);
  const flow = builder.flow({
    transport: 6,
    localPort: 50_000,
    remotePort: 443,
    localAddress: '192.168.1.10',
    remoteAddress: '198.51.100.1',
    wan: true,
    header: 14,
  });
  for (const time of times) {
    builder.push({ time, length: 100, direction: 1, protocols: 3, port: 443, flow, device: 0 });
  }
  return builder.build();
}

test('packets leave at the next tick', () => {
  const { trace } = shape(makeTrace([0.5, 1, 1.5, 3.75]), defense, { period: 1 }, { rng: createRng(1) });
  assert.deepEqual([...trace.time], [1, 1, 2, 4]);
  assert.deepEqual([...trace.length], [100, 100, 100, 100]);
});
