import type { Result } from '../../result/result.js';
import { type Html, html } from '../kit/escape.js';
import { count, counted, duration, instant, isNumber, percent } from '../kit/format.js';
import { renderTable } from '../kit/table.js';

/** The data of the run: packets, time, devices, and dropped packets. */
export function renderDataset({ dataset }: Result): Html {
  const { name, synthetic, packets, devices, from, to, ingest, sha256 } = dataset;
  const dropped = Object.entries(ingest.dropped).sort(([, a], [, b]) => b - a);
  const unused = devices.filter((device) => device.train === 0 || device.test === 0).length;
  return html`<section aria-labelledby="dataset">
<h2 id="dataset">The data</h2>
${synthetic ? html`<p class="notice"><strong>Synthetic.</strong> This traffic was generated from device profiles. It shows how attacks and defenses work, but not how well real devices can be identified.</p>` : ''}
<dl class="properties">
<dt>Name</dt><dd>${name}</dd>
<dt>Packets seen by the observer</dt><dd>${count(packets)}</dd>
<dt>Time</dt><dd>${isNumber(from) && isNumber(to) ? `${instant(from)} to ${instant(to)} (${duration(to - from)})` : 'no packets'}</dd>
<dt>Read and kept</dt><dd>${count(ingest.kept)} of ${counted(ingest.read, 'packet')}${ingest.read > 0 ? ` (${percent(ingest.kept / ingest.read)})` : ''}</dd>
<dt>SHA-256 of the packet table</dt><dd><code class="hash">${sha256}</code></dd>
</dl>
${
  dropped.length > 0
    ? renderTable(
        'Packets dropped',
        'Packets dropped, by reason.',
        [{ title: 'Reason' }, { title: 'Packets', numeric: true }],
        dropped.map(([reason, packets]) => [reason, count(packets)]),
      )
    : ''
}
<details>
<summary>${counted(devices.length, 'device')}${unused > 0 ? `, ${unused} of them without training or test packets` : ''}</summary>
${renderTable(
  'Devices',
  'Packets of each device in the view, and in the parts for training and test.',
  [
    { title: 'Device' },
    { title: 'Kind' },
    { title: 'Packets', numeric: true },
    { title: 'Training', numeric: true },
    { title: 'Test', numeric: true },
  ],
  devices.map((device) => [
    device.name,
    device.category === 'iot' ? 'IoT' : 'non-IoT',
    count(device.packets),
    count(device.train),
    count(device.test),
  ]),
)}
</details>
</section>
`;
}
