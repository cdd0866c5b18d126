import type { Adversary, Cell, Interval, Metrics, Result, StudyResult, SummaryRow } from '../../src/result/result.js';
import type { DelayHistogram } from '../../src/shaping/cost.js';
import { createRng } from '../../src/shared/rng.js';

/** A defense of a made-up run: what is left of the undefended accuracy, and what it costs. */
export interface MadeDefense {
  readonly label: string;
  /** Share of the advantage over chance that the adaptive adversary keeps; the static one keeps a third of that. */
  readonly keeps: number;
  readonly bandwidth: number | null;
  /** Seconds, 95th percentile. */
  readonly delay: number | null;
}

export interface MakeOptions {
  readonly defenses?: readonly MadeDefense[];
  readonly attacks?: readonly string[];
  readonly adversaries?: readonly Adversary[];
  readonly devices?: readonly string[];
  readonly seeds?: number;
  readonly warnings?: readonly string[];
  readonly synthetic?: boolean;
  /** Devices that each seed holds out; a closed world by default. */
  readonly unknown?: number;
}

export const DEVICES = [
  'Echo Dot',
  'Google Home',
  'Tmall assistant',
  'Xiaomi hub',
  '360 camera',
  'Xiaobai camera',
  'TP-Link plug',
  'Orvibo plug',
  'Broadlink plug',
  'Mitu story teller',
  'Galaxy phone',
  'iPad',
];

export const DEFENSES: readonly MadeDefense[] = [
  { label: 'none', keeps: 1, bandwidth: 0, delay: 0 },
  { label: 'pad:rule=mtu', keeps: 0.6, bandwidth: 1.28, delay: 0 },
  { label: 'pad:rule=random', keeps: 0.85, bandwidth: 0.21, delay: 0 },
  { label: 'pad:rule=levels', keeps: 0.8, bandwidth: 0.34, delay: 0 },
  { label: 'jitter', keeps: 0.93, bandwidth: 0, delay: 0.095 },
  { label: 'pad:rule=mtu+jitter', keeps: 0.52, bandwidth: 1.28, delay: 0.095 },
];

/** A plausible result, the same on every call: numbers follow from `keeps`, with a little noise by device and seed. */
export function makeResult({
  defenses = DEFENSES,
  attacks = ['random-forest', 'size-histogram'],
  adversaries = ['static', 'adaptive'],
  devices = DEVICES,
  seeds = 3,
  warnings = [],
  synthetic = false,
  unknown,
}: MakeOptions = {}): Result {
  const chance = 1 / devices.length;
  const majority = Math.min(1, chance * 2.2);
  const cells: Cell[] = [];
  for (const defense of defenses) {
    for (const [a, attack] of attacks.entries()) {
      for (const adversary of adversaries) {
        for (let seed = 1; seed <= seeds; seed++) {
          const cell = makeCell(defense, attack, adversary, seed, devices, chance, majority, a);
          cells.push(unknown === undefined ? cell : openCell(cell, seed, unknown));
        }
      }
    }
  }
  const headline: Adversary = adversaries.includes('adaptive') ? 'adaptive' : 'static';
  const rows = defenses.map((defense): SummaryRow => {
    const best = (adversary: Adversary) =>
      attacks
        .map((attack) => {
          const runs = cells.filter(
            (cell) => cell.defense === defense.label && cell.attack === attack && cell.adversary === adversary,
          );
          return { attack, accuracy: intervalOf(runs.map((cell) => cell.identification.accuracy)) };
        })
        .reduce((one, other) => (other.accuracy.mean > one.accuracy.mean ? other : one));
    const { attack: bestAttack, accuracy } = best(headline);
    return {
      defense: defense.label,
      params: [{}],
      bestAttack,
      adversary: headline,
      accuracy,
      static: adversaries.includes('static') ? best('static').accuracy : null,
      adaptive: adversaries.includes('adaptive') ? best('adaptive').accuracy : null,
      drop: null,
      chance,
      majority,
      bandwidthOverhead: defense.bandwidth,
      addedDelayP95: defense.delay,
      pareto: false,
    };
  });
  const none = rows.find((row) => row.defense === 'none');
  const costs = (row: SummaryRow) => [row.accuracy.mean, row.bandwidthOverhead ?? 1e9, row.addedDelayP95 ?? 1e9];
  const beats = (one: SummaryRow, other: SummaryRow) =>
    costs(one).every((cost, i) => cost <= costs(other)[i]!) && costs(one).some((cost, i) => cost < costs(other)[i]!);
  return {
    schemaVersion: 1,
    tool: { name: 'homeveil', version: '0.1.0', commit: '0123456789abcdef0123456789abcdef01234567' },
    environment: { node: '20.20.2', cpu: 'Example CPU @ 3.00GHz', cores: 2, os: 'linux x64' },
    spec: {
      plugins: [],
      observer: 'paper',
      data: synthetic
        ? { kind: 'synthetic', hours: 12, seed: 1 }
        : { kind: 'captures', paths: ['captures/home one'], labels: 'labels.csv', train: null, test: null },
      split: { by: 'time', train: 0.6 },
      view: { name: 'napt', label: 'napt', parameters: {} },
      mix: 'home',
      attacks: attacks.map((name) => ({ name, label: name, parameters: { trees: 100 } })),
      defenses: defenses.map(({ label }) => ({
        label,
        parts: label
          .split('+')
          .map((part) => ({ name: part.split(':')[0]!, label: part, parameters: { exampleOption: null } })),
      })),
      adversaries,
      ...(unknown === undefined ? {} : { unknown }),
      seeds,
      seed: 1,
      window: 100,
      stride: 50,
      port: 'service',
      minimumPackets: 100,
      maximumTrainPackets: null,
      capacity: null,
    },
    dataset: {
      name: synthetic ? 'synthetic home' : 'captures/home one',
      sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      synthetic,
      packets: 171_234,
      devices: devices.map((name, i) => ({
        name,
        category: i < 10 ? 'iot' : 'non-iot',
        packets: 20_000 - i * 600,
        train: 12_000 - i * 360,
        test: 8000 - i * 240,
      })),
      from: 1_614_600_000,
      to: 1_615_204_860.5,
      ingest: { read: 200_541, kept: 171_234, dropped: { 'stays on the LAN': 27_001, 'not IP': 2306 } },
    },
    cells,
    metrics: defenses.flatMap((defense) =>
      Array.from({ length: seeds }, (_, i) => makeMetrics(defense, i + 1, devices.length)),
    ),
    summary: rows.map((row) => ({
      ...row,
      drop: none ? none.accuracy.mean - row.accuracy.mean : null,
      dropLow: none ? none.accuracy.mean - row.accuracy.mean - 0.008 : null,
      dropHigh: none ? none.accuracy.mean - row.accuracy.mean + 0.008 : null,
      pareto: !rows.some((other) => beats(other, row)),
    })),
    warnings,
  };
}

function makeMetrics({ label, keeps, bandwidth }: MadeDefense, seed: number, devices: number): Metrics {
  const error = 1 - Math.min(1, 0.8 * keeps);
  return {
    defense: label,
    view: 'napt',
    mix: 'home',
    seed,
    nearestNeighbourError: { packet: error + 0.1, neighbours: error },
    bayesErrorBound: error * 0.6,
    accuracyBound: 1 - error * 0.6,
    deviceEntropy: Math.log2(devices) - 0.2,
    mutualInformation: { port: 0.5, protocols: 0.38, direction: 0.14, length: 0.84 * keeps ** 2, interval: 0.86 },
    coverAuc: label.includes('noise') || bandwidth === null ? 0.5 + 0.3 * keeps : null,
  };
}

function makeCell(
  defense: MadeDefense,
  attack: string,
  adversary: Adversary,
  seed: number,
  devices: readonly string[],
  chance: number,
  majority: number,
  rank: number,
): Cell {
  const rng = createRng(seed, defense.label, attack, adversary);
  const keeps = adversary === 'adaptive' || defense.label === 'none' ? defense.keeps : defense.keeps / 3;
  const best = Math.min(1, chance + (0.86 - chance) * keeps * 0.93 ** rank);
  const scores = devices.map((_, i) => {
    const recall = Math.min(1, Math.max(0, best * (1.25 - (0.6 * i) / devices.length) + rng.normal(0, 0.02)));
    return { recall, precision: Math.min(1, recall * 1.04), f1: recall, support: 8000 - i * 240 };
  });
  const accuracy = scores.reduce((sum, score) => sum + score.recall, 0) / scores.length;
  const delay = defense.delay;
  return {
    attack,
    defense: defense.label,
    params: [{}],
    view: 'napt',
    mix: 'home',
    adversary,
    seed,
    identification: {
      accuracy,
      accuracyLow: accuracy - 0.02,
      accuracyHigh: accuracy + 0.02,
      balancedAccuracy: accuracy,
      macroF1: accuracy * 0.97,
      chance,
      majority,
      perDevice: Object.fromEntries(devices.map((name, i) => [name, scores[i]!])),
      classes: devices,
      confusion: devices.map((_, i) => confusionRow(i, devices.length, scores[i]!)),
    },
    presence: {
      hours: 67,
      active: 0.6,
      precision: 0.7 + 0.3 * accuracy,
      recall: 0.9 * accuracy,
      perDevice: Object.fromEntries(
        devices.map((name, i) => [
          name,
          { precision: scores[i]!.precision, recall: i === 3 ? null : scores[i]!.recall, activeHours: 67 - 2 * i },
        ]),
      ),
    },
    ages: makeAges(accuracy, majority),
    wholeHome: makeWholeHome(accuracy),
    cost: {
      bandwidthOverhead: defense.bandwidth,
      packetOverhead: defense.bandwidth === null ? null : 0,
      megabytesPerDay: defense.bandwidth === null ? null : defense.bandwidth * 210,
      gigabytesPerMonth: defense.bandwidth === null ? null : (defense.bandwidth * 210 * 30.44) / 1000,
      addedDelay: {
        p50: delay === null ? null : delay / 2,
        p95: delay,
        p99: delay === null ? null : delay * 1.04,
        max: delay === null ? null : delay * 1.05,
      },
      delayHistogram: delay === null ? null : makeHistogram(delay),
      dropped: 0,
      durationRatio: delay === null ? null : 1,
    },
    insight: attack === 'random-forest' ? { outOfBagAccuracy: accuracy, 'importance.port': 0.2 } : null,
    seconds: { fit: 12.5, predict: 1.25, defend: 0.1 },
  };
}

/** Knowledge that fades by a fiftieth from one stretch to the next, in a test part of 67 hours. */
function makeAges(accuracy: number, majority: number): NonNullable<Cell['ages']> {
  const ends = [0, 1, 3, 6, 12, 24, 48, 67].map((hours) => 3600 * hours);
  return ends.slice(1).map((to, i) => ({
    from: ends[i]!,
    to,
    packets: Math.round((to - ends[i]!) / 10),
    accuracy: accuracy * (1 - i / 50),
    accuracyLow: i === 0 ? null : accuracy * (1 - i / 50) - 0.05,
    accuracyHigh: i === 0 ? null : accuracy * (1 - i / 50) + 0.05,
    balancedAccuracy: accuracy * (0.9 - i / 50),
    majority,
  }));
}

/** An observer who knows more of the home the longer they watch; in ten minutes they call nothing present. */
function makeWholeHome(accuracy: number): NonNullable<Cell['wholeHome']> {
  return [1 / 6, 1, 3, 6, 12, 24, 48, 67].map((hours, i) => ({
    seconds: hours * 3600,
    windows: Math.min(10, Math.floor(67 / hours)),
    present: 0.5 + i / 14,
    precision: i === 0 ? null : Math.min(1, 0.9 + i / 50),
    recall: i === 0 ? 0 : Math.min(1, accuracy + i / 20),
  }));
}

/** Gives half of the packets that are not recognised to the next device, and the rest to all in equal parts. */
function confusionRow(device: number, devices: number, { recall, support }: { recall: number; support: number }) {
  const missed = devices === 1 ? 0 : support - Math.round(recall * support);
  const next = (device + 1) % devices;
  const each = Math.floor(missed / 2 / devices);
  const row = Array.from({ length: devices }, (_, i) => (i === device ? support - missed : each));
  row[next]! += missed - each * (devices - 1);
  return row;
}

/** A tenth of the packets without delay, the rest in the decade that ends at `delay`. */
function makeHistogram(delay: number): DelayHistogram {
  const last = delay < 1e-4 ? 0 : Math.ceil(10 * Math.log10(delay / 1e-4));
  const counts = Array.from({ length: last + 1 }, (_, bin) => (bin === 0 ? 100 : bin > last - 10 ? 90 : 0));
  return { from: 1e-4, binsPerDecade: 10, counts };
}

/** The cell in a world in which `unknown` of its devices, in turn, are held out. */
function openCell(cell: Cell, seed: number, unknown: number): Cell {
  const { identification, presence } = cell;
  const { accuracy, chance, majority, balancedAccuracy, macroF1 } = identification;
  const names = identification.classes;
  const heldOut = names.filter((_, i) => Math.floor(i / unknown) === seed - 1);
  const kept = <T>(of: Readonly<Record<string, T>>) => Object.entries(of).filter(([name]) => !heldOut.includes(name));
  const recall = accuracy / 2;
  return {
    ...cell,
    identification: {
      ...identification,
      perDevice: {
        ...Object.fromEntries(kept(identification.perDevice)),
        unknown: { recall, precision: recall, f1: recall, support: 9000 },
      },
      classes: [...names.filter((name) => !heldOut.includes(name)), 'unknown'],
    },
    presence: { ...presence!, perDevice: Object.fromEntries(kept(presence!.perDevice)) },
    openWorld: {
      auroc: 0.4 + accuracy / 2,
      oscr: accuracy * (0.4 + accuracy / 2),
      curve: Array.from({ length: 21 }, (_, i) => accuracy * (i / 20) ** 0.4),
      threshold: 0.5,
      falseAlarms: 0.12,
      recall,
      perUnknown: Object.fromEntries(
        heldOut.map((name, i) => [
          name,
          {
            recall: i === 0 ? recall : 1,
            takenFor: i === 0 ? names.find((one) => !heldOut.includes(one))! : null,
            support: 4500,
          },
        ]),
      ),
      known: { accuracy, balancedAccuracy, macroF1, chance, majority },
    },
  };
}

function intervalOf(values: readonly number[]): Interval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, low: mean - 0.021, high: mean + 0.021 };
}

/** A result as it was written before there were metrics, presence, ages and intervals of the drop. */
export function makeOlderResult(): Result {
  const { metrics: _, ...result } = makeResult();
  return {
    ...result,
    cells: result.cells.map(
      ({
        presence: _,
        ages: _ages,
        wholeHome: _home,
        cost: { gigabytesPerMonth: __, delayHistogram: ___, ...cost },
        ...cell
      }) => ({
        ...cell,
        cost,
      }),
    ),
    summary: result.summary.map(({ dropLow: _, dropHigh: __, ...row }) => row),
  };
}

/** A study of `settings` runs that differ in the length of their windows, and by a little in what is left to the observer. */
export function makeStudy(settings: number, options: MakeOptions = {}): StudyResult {
  const { defenses = DEFENSES } = options;
  const runs = Array.from({ length: settings }, (_, i): Result => {
    const run = makeResult({
      ...options,
      defenses: defenses.map((defense) => ({ ...defense, keeps: defense.keeps * (1 - 0.05 * i) })),
    });
    return { ...run, spec: { ...run.spec, window: 100 + 10 * i } };
  });
  const { tool, environment } = runs[0]!;
  return { schemaVersion: 1, kind: 'study', name: 'A made-up study', tool, environment, runs };
}

/** `result` with transfer between all its defenses: the farther apart in the list, the less a model is worth. */
export function withTransfer(result: Result): Result {
  const defenses = result.spec.defenses.map(({ label }) => label);
  const transfer = defenses.flatMap((trainedOn, i) =>
    defenses.flatMap((testedOn, j) =>
      i === 0 || i === j
        ? []
        : result.spec.attacks.map(({ label: attack }) => {
            const accuracy = 0.7 / (1 + Math.abs(i - j));
            return { attack, trainedOn, testedOn, seed: 1, accuracy, balancedAccuracy: accuracy, macroF1: accuracy };
          }),
    ),
  );
  return { ...result, spec: { ...result.spec, transfer: true }, transfer };
}
