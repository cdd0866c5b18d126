import { SIGHT_NAMES } from '../learning/windows.js';
import type { Adversary, Cell, Cost, Mix, Result, SummaryRow } from '../result/result.js';
import { type DelayHistogram, toGigabytesPerMonth } from '../shaping/cost.js';
import type { AttackScores } from './charts/attacks.js';
import { count, counted, isNumber, listed, percent } from './kit/format.js';

/** Reads figures for the sections of a report from a result, as means over seeds. */

/** The row without defense, the reference of all others; null if the run has none. */
export function undefendedRow(result: Result): SummaryRow | null {
  return result.summary.find((row) => row.defense === 'none') ?? null;
}

/** The defense with the lowest accuracy, and the cheapest of equals; null if there is only `none`. */
export function strongestDefense(result: Result): SummaryRow | null {
  const rows = result.summary.filter((row) => row.defense !== 'none');
  const cost = (row: SummaryRow) => row.bandwidthOverhead ?? Number.POSITIVE_INFINITY;
  rows.sort((a, b) => a.accuracy.mean - b.accuracy.mean || cost(a) - cost(b));
  return rows[0] ?? null;
}

/**
 * Says which defenses change the majority, as one that splits, merges or loses packets does; '' if none does by a whole percent.
 */
export function majorityWords({ summary }: Result): string {
  const reference = summary[0];
  if (!reference) return '';
  const others = summary.filter((row) => percent(row.majority) !== percent(reference.majority));
  if (others.length === 0) return '';
  const named = others.slice(0, 3).map((row) => `${percent(row.majority)} under ${row.defense}`);
  const rest = others.length > 3 ? [`another under ${counted(others.length - 3, 'more defense')}`] : [];
  return `The majority is that under ${reference.defense}; it is ${listed([...named, ...rest])}, which changes how many packets each device has.`;
}

/** The cells behind the headline numbers of a row, one per seed. */
export function cellsOf(result: Result, row: SummaryRow): Cell[] {
  return result.cells.filter(
    (cell) => cell.defense === row.defense && cell.attack === row.bestAttack && cell.adversary === row.adversary,
  );
}

/** Mean of the numbers among `values`; null if there is none. */
export function mean(values: readonly (number | null | undefined)[]): number | null {
  const numbers = values.filter(isNumber);
  return numbers.length === 0 ? null : numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

export interface DeviceScores {
  readonly precision: number | null;
  readonly recall: number | null;
  readonly support: number | null;
}

/** Scores of one device against the best attack of `row`, means over seeds. */
export function deviceScores(result: Result, row: SummaryRow, device: string): DeviceScores {
  const scores = cellsOf(result, row).map((cell) => ownValue(cell.identification.perDevice, device));
  return {
    precision: mean(scores.map((score) => score?.precision)),
    recall: mean(scores.map((score) => score?.recall)),
    support: mean(scores.map((score) => score?.support)),
  };
}

/** The own value of `key`, which may be the name of an inherited property. */
function ownValue<T>(values: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return values !== undefined && Object.hasOwn(values, key) ? values[key] : undefined;
}

/** The scored devices, sorted by recall without defense (or in the first row), best first. */
export function scoredDevices(result: Result): string[] {
  const names = new Set(result.cells.flatMap((cell) => Object.keys(cell.identification.perDevice)));
  const reference = undefendedRow(result) ?? result.summary[0];
  if (!reference) return [...names];
  const recall = new Map([...names].map((name) => [name, deviceScores(result, reference, name).recall ?? -1]));
  return [...names].sort((a, b) => recall.get(b)! - recall.get(a)!);
}

/** The attacks of all runs, in the order of their first occurrence. */
export function attacksOf(runs: readonly Result[]): string[] {
  return [...new Set(runs.flatMap(({ spec }) => spec.attacks.map(({ label }) => label)))];
}

/** Cells that differ only in their seed. */
export interface Repeated {
  readonly defense: string;
  readonly attack: string;
  readonly adversary: Adversary;
  readonly cells: readonly Cell[];
}

/** All cells, grouped over seeds, in the order of the summary, then by attack. */
export function repeatedCells(result: Result): Repeated[] {
  const groups = new Map<string, Repeated & { cells: Cell[] }>();
  for (const cell of result.cells) {
    const { defense, attack, adversary } = cell;
    const key = JSON.stringify([defense, attack, adversary]);
    const group = groups.get(key);
    if (group) group.cells.push(cell);
    else groups.set(key, { defense, attack, adversary, cells: [cell] });
  }
  const order = new Map(result.summary.map((row, i) => [row.defense, i]));
  const place = (group: Repeated) => order.get(group.defense) ?? order.size;
  return [...groups.values()].sort((a, b) => place(a) - place(b) || a.attack.localeCompare(b.attack, 'en'));
}

/** Whether the best attack of a row was chosen among some that read remote addresses, so that the best of the others says more. */
export function readsAddresses({ bestAttack, withoutAddresses }: SummaryRow): boolean {
  return withoutAddresses !== undefined && withoutAddresses?.attack !== bestAttack;
}

const STREAMS: Readonly<Record<Mix, string>> = {
  home: 'the home',
  single: 'a device',
  flow: 'a flow',
  remote: 'a remote host',
};

/** Says what an attack was shown, in a few words: "100 packets of a flow, remote addresses"; null for older results. */
export function shownWords({ shown }: Cell): string | null {
  if (!shown) return null;
  const { streams, size, unit, sees } = shown;
  return [
    `${count(size)} ${unit} of ${STREAMS[streams]}`,
    ...sees.map((one) => (SIGHT_NAMES as Readonly<Record<string, string>>)[one] ?? one),
  ].join(', ');
}

/** Mean accuracy of each attack under each defense, by adversary. */
export function attackScores(result: Result): AttackScores[] {
  const rows: (AttackScores & { scores: AttackScores['scores'][number][] })[] = [];
  for (const { defense, attack, adversary, cells } of repeatedCells(result)) {
    const accuracy = mean(cells.map((cell) => cell.identification.accuracy));
    if (accuracy === null) continue;
    let row = rows.find((one) => one.defense === defense && one.attack === attack);
    if (!row) {
      row = { defense, attack, scores: [] };
      rows.push(row);
    }
    row.scores.push({ adversary, accuracy });
  }
  return rows;
}

/** Leakage under a defense whatever the attack, means over seeds; null if the result does not have it. */
export interface MeanMetrics {
  readonly accuracyBound: number | null;
  readonly deviceEntropy: number | null;
  readonly bits: (feature: string) => number | null;
  readonly coverAuc: number | null;
}

export function meanMetrics({ metrics = [] }: Result, { defense }: SummaryRow): MeanMetrics {
  const own = metrics.filter((one) => one.defense === defense);
  return {
    accuracyBound: mean(own.map((one) => one.accuracyBound)),
    deviceEntropy: mean(own.map((one) => one.deviceEntropy)),
    bits: (feature) => mean(own.map((one) => ownValue(one.mutualInformation, feature))),
    coverAuc: mean(own.map((one) => one.coverAuc)),
  };
}

/** Presence of all devices, or of one, by the best attack of `row`: means over seeds, null if there is none. */
export interface MeanPresence {
  readonly precision: number | null;
  readonly recall: number | null;
  /** Share of all devices and hours, or number of hours for one device. */
  readonly active: number | null;
}

export function meanPresence(result: Result, row: SummaryRow, device?: string): MeanPresence {
  const all = cellsOf(result, row).map(({ presence }) => presence);
  if (device === undefined) {
    return {
      precision: mean(all.map((scores) => scores?.precision)),
      recall: mean(all.map((scores) => scores?.recall)),
      active: mean(all.map((scores) => scores?.active)),
    };
  }
  const own = all.map((scores) => ownValue(scores?.perDevice, device));
  return {
    precision: mean(own.map((scores) => scores?.precision)),
    recall: mean(own.map((scores) => scores?.recall)),
    active: mean(own.map((scores) => scores?.activeHours)),
  };
}

/** All costs of a defense, means over seeds. */
export function meanCost(
  result: Result,
  row: SummaryRow,
): Omit<Required<Cost>, 'dropped' | 'delayHistogram'> & { readonly dropped: number | null } {
  const costs = cellsOf(result, row).map((cell) => cell.cost);
  const of = (pick: (cost: Cost) => number | null) => mean(costs.map(pick));
  return {
    bandwidthOverhead: of((cost) => cost.bandwidthOverhead),
    packetOverhead: of((cost) => cost.packetOverhead),
    megabytesPerDay: of((cost) => cost.megabytesPerDay),
    gigabytesPerMonth: of((cost) => toGigabytesPerMonth(cost.megabytesPerDay)),
    addedDelay: {
      p50: of((cost) => cost.addedDelay.p50),
      p95: of((cost) => cost.addedDelay.p95),
      p99: of((cost) => cost.addedDelay.p99),
      max: of((cost) => cost.addedDelay.max),
    },
    dropped: of((cost) => cost.dropped),
    durationRatio: of((cost) => cost.durationRatio),
  };
}

/** The delays of all seeds together; null if a seed has none, or other bins than the first. */
export function pooledDelays(result: Result, row: SummaryRow): DelayHistogram | null {
  const all = cellsOf(result, row).map(({ cost }) => cost.delayHistogram ?? null);
  const first = all[0];
  if (!first || all.some((one) => one?.from !== first.from || one.binsPerDecade !== first.binsPerDecade)) return null;
  const size = Math.max(...all.map((one) => one!.counts.length));
  const counts = Array.from({ length: size }, (_, i) => all.reduce((sum, one) => sum + (one!.counts[i] ?? 0), 0));
  return { ...first, counts };
}
