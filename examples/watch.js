// Watching from code: trains an observer on one home, then shows what they conclude about a capture, as `homeveil watch` does.
//   node examples/watch.js
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateHome, loadModel, resolveTraining, runTraining, saveModel, watch, writePcap } from 'homeveil';

const folder = mkdtempSync(join(tmpdir(), 'homeveil-example-'));
const capture = join(folder, 'evening.pcap');
writePcap(generateHome({ hours: 1, seed: 2 }), capture);

const trained = await runTraining(resolveTraining({ hours: 1, attack: 'random-forest:trees=10' }), { threads: 1 });
await saveModel(join(folder, 'model'), trained);
const model = await loadModel(join(folder, 'model'), { threads: 1 });

// On a live network: { interface: 'eth1' } in place of { pcap: capture }.
const { state } = await watch(model, { pcap: capture }, new AbortController().signal);
for (const { name, all } of state.devices) {
  console.log(`${all.seen ? 'seen    ' : 'not seen'} ${name}: ${all.packets} packets`);
}
