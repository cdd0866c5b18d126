import type { Cell, Result } from '../../result/result.js';
import { breakable, type Content, type Html, html } from '../kit/escape.js';
import { percent } from '../kit/format.js';
import { deviceHeader, type HeatMap, renderHeatMap } from '../kit/heat-map.js';
import {
  adversaryChooser,
  attackChooser,
  type Panel,
  renderChoosers,
  renderPanels,
  renderSection,
  type Subject,
} from '../kit/panels.js';
import type { Specs } from '../kit/specs.js';
import { observerValue } from '../observers.js';
import { cellsOf, scoredDevices, strongestDefense } from '../reading.js';

/** Most numbers in the matrices of a page, which they make heavy. The result file has all. */
const MOST_NUMBERS = 25_000;
/** Number of mistakes that are named in words. */
const MISTAKES = 4;
/** Rarer mistakes are not named in words. */
const LEAST_SHARE = 0.05;

/** The devices that each device is mistaken for: a matrix for each defense and observer. */
export function renderConfusion(subject: Subject): Html {
  const { result } = subject.settings[0]!;
  const devices = scoredDevices(result);
  const all = confusionsOf(subject);
  const most = Math.floor(MOST_NUMBERS / Math.max(1, devices.length ** 2));
  const strongest = strongestDefense(result)?.defense ?? 'none';
  // If not all matrices have room, those of the headline are shown.
  const headline = all.filter(({ headline }) => headline);
  const ends = headline.filter(({ defense }) => defense === 'none' || defense === strongest);
  const shown = [all, headline, ends].find((some) => some.length <= most) ?? ends.slice(0, 1);
  const defenses = result.summary.map((row) => row.defense);
  const panels = defenses.flatMap((defense, i): Panel[] => {
    const own = shown.filter((one) => one.defense === defense);
    if (own.length === 0) return [];
    const inner = own.map(
      ({ values, attack, adversary, cells }): Panel => ({
        key: 'observer',
        values,
        title: `${attack}, ${adversary} adversary`,
        content: renderOne(result, confusionMap(result, defense, cells), subject.specs),
      }),
    );
    return [
      { key: 'defense', values: [String(i)], title: defense, content: renderPanels(inner, subject.observers.length) },
    ];
  });
  if (panels.length === 0) return html``;
  const choosers = [
    { key: 'defense', label: 'Defense', options: defenses.map((defense, i) => [String(i), defense] as const) },
    ...attackChooser(subject),
    ...adversaryChooser(subject),
  ];
  const left = all.length - shown.length;
  return renderSection(
    'confusion',
    'Which devices are mistaken for which',
    html`<p>When the observer is wrong, this shows which device they name instead. The diagonal shows where they are right.${
      left > 0 ? ' Only the matrices of the headline are shown here; the others are in the result file.' : ''
    }</p>
`,
    html`${renderChoosers(choosers)}${renderPanels(panels, defenses.length)}`,
  );
}

interface Confusion {
  readonly defense: string;
  readonly attack: string;
  readonly adversary: string;
  readonly cells: readonly Cell[];
  /** The observers that see this. */
  readonly values: readonly string[];
  /** Whether the row of the summary is based on it. */
  readonly headline: boolean;
}

/** The confusions of each defense, attack and adversary that an observer sees, over all seeds. */
function confusionsOf({ settings, observers, attacks }: Subject): Confusion[] {
  const { result, observed } = settings[0]!;
  const found = new Map<string, Confusion & { values: string[] }>();
  for (const observer of observers) {
    const value = observerValue(observer, attacks);
    const seen = observed.find(({ values }) => values.includes(value));
    for (const row of seen?.result.summary ?? []) {
      const { defense, bestAttack: attack, adversary } = row;
      const key = JSON.stringify([defense, attack, adversary]);
      const same = found.get(key);
      if (same) same.values.push(value);
      else {
        const cells = cellsOf(result, row);
        const headline = observer === observers[0];
        if (cells.length > 0) found.set(key, { defense, attack, adversary, cells, values: [value], headline });
      }
    }
  }
  return [...found.values()];
}

function renderOne(result: Result, map: HeatMap, specs: Specs): Html {
  const mistakes = map.rows
    .flatMap(({ name, shares }) => map.columns.map((taken, i) => ({ name, taken, share: shares[i] ?? 0 })))
    .filter(({ name, taken, share }) => name !== taken && share >= LEAST_SHARE)
    .sort((a, b) => b.share - a.share)
    .slice(0, MISTAKES);
  const told: Content =
    mistakes.length === 0
      ? `No device is mistaken for another one in ${percent(LEAST_SHARE)} of its packets.`
      : html`Most frequent mistakes: ${mistakes.map(
          ({ name, taken, share }, i) =>
            html`${i > 0 ? '; ' : ''}<b>${name}</b> for <b>${taken}</b> (${percent(share)})`,
        )}.`;
  const rows = map.rows.map((row) => ({ ...row, header: deviceHeader(result, row.name) }));
  return html`<p>${told}</p>
${renderHeatMap({ ...map, rows }, specs)}`;
}

/** Shares of each device's packets by the device that they are attributed to, over the packets of all seeds. */
export function confusionMap(result: Result, defense: string, cells: readonly Cell[]): HeatMap {
  const { classes } = cells[0]!.identification;
  const order = scoredDevices(result).filter((device) => classes.includes(device));
  const columns = [...order, ...classes.filter((name) => !order.includes(name))];
  const { attack, adversary } = cells[0]!;
  return {
    id: 'confusion-matrix',
    name: `Confusion of devices under ${defense}: ${attack}, ${adversary} adversary`,
    caption: html`Packets of each device by the device that they are attributed to, in percent, with <code>${breakable(defense)}</code>: ${attack}, ${adversary} adversary. Rows: true device; columns: named device; empty: under 0.5.`,
    corner: 'Device',
    columns,
    rows: order.map((device) => {
      const counts = columns.map((named) => sum(cells.map((cell) => countOf(cell, device, named))));
      const total = sum(
        cells.map(({ identification: { perDevice } }) =>
          Object.hasOwn(perDevice, device) ? perDevice[device]!.support : 0,
        ),
      );
      return { name: device, shares: counts.map((count) => (total > 0 ? count / total : null)) };
    }),
    reason: 'no packet of this device was scored',
    sparse: true,
  };
}

function countOf({ identification: { classes, confusion } }: Cell, device: string, named: string): number {
  return confusion[classes.indexOf(device)]?.[classes.indexOf(named)] ?? 0;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
