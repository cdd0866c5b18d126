// node --test my-view.test.mjs
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkView, createRng, createTraceBuilder, loadPlugins, observe } from 'homeveil';

const { views } = await loadPlugins([fileURLToPath(new URL('my-view.ts', import.meta.url))]);
const view = views.find(({ name }) => name === 'my-view');

test('keeps the contract', async () => {
  const { checks } = await checkView(view);
  assert.deepEqual(
    checks.filter(({ passed }) => !passed),
    [],
  );
});

/** Two packets of a lamp, one to the internet and one within the home. */
function makeTrace() {
  const builder = createTraceBuilder([{ name: 'lamp', category: 'iot' }]);
  const flow = { transport: 6, localPort: 50_000, remotePort: 443, localAddress: '192.168.1.10', header: 14 };
  const out = builder.flow({ ...flow, remoteAddress: '198.51.100.1', wan: true });
  const inside = builder.flow({ ...flow, remoteAddress: '192.168.1.20', wan: false });
  const packet = { direction: 1, protocols: 3, port: 443, device: 0 };
  builder.push({ ...packet, time: 1, length: 100, flow: out });
  builder.push({ ...packet, time: 2, length: 200, flow: inside });
  return builder.build();
}

test('shows the packet that leaves the home, with its tag', () => {
  const parameters = view.parameters.parse({});
  const { trace } = observe(makeTrace(), { view, parameters }, [], { rng: createRng(1) });
  assert.deepEqual([...trace.time], [1]);
  assert.deepEqual([...trace.length], [104]);
});
