import type { Result } from '../../result/result.js';
import { type Html, html } from '../kit/escape.js';
import { counted, isNumber, percent } from '../kit/format.js';
import { deviceHeader, type HeatMap, renderHeatMap } from '../kit/heat-map.js';
import { renderByObserver, renderSection, type Subject } from '../kit/panels.js';
import { cellsOf, mean, meanPresence, scoredDevices, undefendedRow } from '../reading.js';

/** Which devices an observer finds active in which hour: what is left to tell where single packets are not. */
export async function renderPresence(subject: Subject): Promise<Html> {
  const content = await renderByObserver(subject, (result, place) => {
    const map = presenceMap(result);
    if (!map) return null;
    // A defense that delays may carry a packet over into another hour: what is said of the home itself is read without defense.
    const reference = undefendedRow(result) ?? result.summary[0]!;
    const hours = mean(cellsOf(result, reference).map(({ presence }) => presence?.hours));
    const { active } = meanPresence(result, reference);
    return html`<p>The test part has ${counted(hours, 'hour')} with traffic${isNumber(active) ? `; the devices are active in ${percent(active)} of them, so whoever always says “active” is right that often` : ''}.</p>
${renderHeatMap(map, place.specs)}`;
  });
  return renderSection('presence', 'Who is active, hour by hour', INTRO, content);
}

const INTRO = html`<p>A home gives away more than single packets do: from those that the attack is sure of, an observer concludes which devices were active in an hour.</p>
`;

/** Presence of each device under each defense, for the page and as a figure; null for a result that does not have it. */
export function presenceMap(result: Result): HeatMap | null {
  const { summary } = result;
  if (summary.length === 0 || !result.cells.some(({ presence }) => presence !== undefined)) return null;
  // "unknown", an answer in an open world, is no device that could be active.
  const devices = scoredDevices(result).filter((device) =>
    result.cells.some(({ presence }) => presence !== undefined && Object.hasOwn(presence.perDevice, device)),
  );
  const all = summary.map((row) => meanPresence(result, row));
  const reference = undefendedRow(result) ?? summary[0]!;
  return {
    id: 'presence-map',
    name: 'Hours in which each device is found active, under each defense',
    caption:
      'Share of the hours in which a device was active, in percent, that the observer finds (recall). Below: the same over all devices, and how often a device that is called active is (precision). Active: hours without defense.',
    corner: 'Device',
    counted: 'Active',
    columns: summary.map((row) => row.defense),
    rows: devices.map((device) => ({
      name: device,
      header: deviceHeader(result, device),
      count: meanPresence(result, reference, device).active,
      shares: summary.map((row) => meanPresence(result, row, device).recall),
    })),
    foot: [
      { name: 'All devices, recall', shares: all.map((scores) => scores.recall) },
      { name: 'All devices, precision', shares: all.map((scores) => scores.precision) },
    ],
    reason: 'there is nothing to take a share of: never active, or never called so',
  };
}
