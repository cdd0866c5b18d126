import type { Result } from '../../harness/result.js';
import { type Html, html } from '../escape.js';
import { counted, isNumber, percent } from '../format.js';
import { deviceHeader, renderHeatMap } from '../heat-map.js';
import { cellsOf, mean, meanPresence, scoredDevices, undefendedRow } from '../reading.js';

/** Which devices an observer finds active in which hour: what is left to tell where single packets are not. */
export function renderPresence(result: Result): Html {
  const { summary } = result;
  if (summary.length === 0 || !result.cells.some(({ presence }) => presence !== undefined)) return html``;
  // "unknown", an answer in an open world, is no device that could be active.
  const devices = scoredDevices(result).filter((device) =>
    result.cells.some(({ presence }) => presence !== undefined && Object.hasOwn(presence.perDevice, device)),
  );
  const all = summary.map((row) => meanPresence(result, row));
  // A defense that delays may carry a packet over into another hour: what is said of the home itself is read without defense.
  const reference = undefendedRow(result) ?? summary[0]!;
  const hours = mean(cellsOf(result, reference).map(({ presence }) => presence?.hours));
  const { active } = meanPresence(result, reference);
  return html`<section aria-labelledby="presence">
<h2 id="presence">Who is active, hour by hour</h2>
<p>A home gives away more than single packets do: from those that the best attack is sure of, an observer concludes which devices were active in an hour. The test part has ${counted(hours, 'hour')} with traffic${isNumber(active) ? `; the devices are active in ${percent(active)} of them, so whoever always says “active” is right that often` : ''}.</p>
${renderHeatMap({
  name: 'Hours in which each device is found active, under each defense',
  caption:
    'Share of the hours in which a device was active, in percent, that the observer finds (recall). Below: the same over all devices, and how often a device that is called active is (precision). Active: hours without defense.',
  counted: 'Active',
  defenses: summary.map((row) => row.defense),
  rows: devices.map((device) => {
    const scores = summary.map((row) => meanPresence(result, row, device));
    return {
      header: deviceHeader(result, device),
      count: meanPresence(result, reference, device).active,
      shares: scores.map((one) => one.recall),
    };
  }),
  foot: [
    { header: 'All devices, recall', shares: all.map((scores) => scores.recall) },
    { header: 'All devices, precision', shares: all.map((scores) => scores.precision) },
  ],
  reason: 'there is nothing to take a share of: never active, or never called so',
})}
</section>
`;
}
