// From a capture to a report: reads a pcap file with its labels, measures two defenses, and writes result.json and report.html.
//   node examples/capture-to-report.js [home.pcap labels.csv]
// Without arguments it writes a capture of the synthetic home first.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceLabels, formatLabels, generateHome, resolveSpec, runBench, writePcap } from 'homeveil';
import { renderHtml } from 'homeveil/report';

const folder = mkdtempSync(join(tmpdir(), 'homeveil-example-'));
let [capture, labels] = process.argv.slice(2);
if (capture === undefined) {
  capture = join(folder, 'home.pcap');
  labels = join(folder, 'labels.csv');
  const home = generateHome({ hours: 0.5, seed: 1 });
  writePcap(home, capture);
  writeFileSync(labels, formatLabels(deviceLabels(home)));
}

const spec = resolveSpec({
  data: [capture],
  labels,
  attacks: ['random-forest:trees=10'],
  defenses: ['none', 'pad:rule=mtu'],
});
const result = await runBench(spec, { threads: 1, onWarning: (line) => console.log(`warning: ${line}`) });
writeFileSync(join(folder, 'result.json'), JSON.stringify(result));
writeFileSync(join(folder, 'report.html'), await renderHtml(result));

for (const { defense, accuracy, bandwidthOverhead } of result.summary) {
  const named = `${(100 * accuracy.mean).toFixed(1)} % of the packets named right`;
  console.log(`${defense}: ${named}, ${(100 * bandwidthOverhead).toFixed(0)} % more bytes`);
}
console.log(`report: ${join(folder, 'report.html')}`);
