import type { Result } from '../../result/result.js';
import { type Html, html } from '../kit/escape.js';
import { counted, isNumber, percent } from '../kit/format.js';
import { deviceHeader, type HeatMap, renderHeatMap } from '../kit/heat-map.js';
import { renderByObserver, renderSection, type Subject } from '../kit/panels.js';
import { cellsOf, mean, meanPresence, scoredDevices, undefendedRow } from '../reading.js';

/** The hours in which an observer finds each device active, which they may know even if single packets are hidden. */
export async function renderPresence(subject: Subject): Promise<Html> {
  const content = await renderByObserver(subject, (result, place) => {
    const map = presenceMap(result);
    if (!map) return null;
    // A delay may move a packet into another hour, so the hours of the home are those without defense.
    const reference = undefendedRow(result) ?? result.summary[0]!;
    const hours = mean(cellsOf(result, reference).map(({ presence }) => presence?.hours));
    const { active } = meanPresence(result, reference);
    return html`<p>The test part has ${counted(hours, 'hour')} with traffic${isNumber(active) ? `; the devices are active in ${percent(active)} of them, so an observer who always says “active” is right that often` : ''}.</p>
${renderHeatMap(map, place.specs)}`;
  });
  return renderSection('presence', 'Active devices, hour by hour', INTRO, content);
}

const INTRO = html`<p>A home reveals more than single packets do. From the packets that the attack is sure of, an observer concludes which devices were active in an hour.</p>
`;

/** Presence of each device under each defense, for the page and as a figure; null for a result without it. */
export function presenceMap(result: Result): HeatMap | null {
  const { summary } = result;
  if (summary.length === 0 || !result.cells.some(({ presence }) => presence !== undefined)) return null;
  // The answer "unknown" of an open world is no device.
  const devices = scoredDevices(result).filter((device) =>
    result.cells.some(({ presence }) => presence !== undefined && Object.hasOwn(presence.perDevice, device)),
  );
  const all = summary.map((row) => meanPresence(result, row));
  const reference = undefendedRow(result) ?? summary[0]!;
  return {
    id: 'presence-map',
    name: 'Hours in which each device is found active, under each defense',
    caption:
      'Share of the hours in which a device was active, in percent, in which the observer finds it active (recall). Last rows: recall over all devices, and the share of hours called active that are (precision). Active: active hours without defense.',
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
    reason: 'the device is never active, or never called active',
  };
}
