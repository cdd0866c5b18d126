import type { Adversary, AgeScores, Cell, Result, WholeHomeScores } from '../result/result.js';
import { isNumber, roundDuration } from './kit/format.js';
import { observedBy } from './observers.js';
import { attacksOf, cellsOf, mean, strongestDefense, undefendedRow } from './reading.js';

/** Figures that change over time under one defense, for one attack by its stronger adversary. */
export interface OverTime<Row> {
  readonly attack: string;
  readonly defense: string;
  readonly adversary: Adversary;
  /** Means over seeds, in order of time. */
  readonly rows: readonly Row[];
}

/**
 * Identification by age for each attack, without defense and under the strongest one. Intervals span those of all seeds. Empty for a test
 * part without ages, or of a single one.
 */
export function agesOf(result: Result): OverTime<AgeScores>[] {
  const all = overTime(result, (cells) =>
    groupsBy(cells, ({ ages }) => ages ?? [], 'from').map((rows): AgeScores => {
      const of = (key: keyof AgeScores) => mean(rows.map((row) => row[key]))!;
      const ends = (key: keyof AgeScores) => {
        const found = rows.map((row) => row[key]).filter(isNumber);
        return found.length === rows.length ? found : null;
      };
      const [lows, highs] = [ends('accuracyLow'), ends('accuracyHigh')];
      return {
        from: of('from'),
        to: of('to'),
        packets: of('packets'),
        accuracy: of('accuracy'),
        accuracyLow: lows && Math.min(...lows),
        accuracyHigh: highs && Math.max(...highs),
        balancedAccuracy: of('balancedAccuracy'),
        majority: of('majority'),
      };
    }),
  );
  return all.some(({ rows }) => rows.length > 1) ? all : [];
}

/**
 * The set of known devices by observation time for each attack, without defense and under the strongest one. Empty for a result that is
 * older than the measure.
 */
export function wholeHomesOf(result: Result): OverTime<WholeHomeScores>[] {
  return overTime(result, (cells) =>
    groupsBy(cells, ({ wholeHome }) => wholeHome ?? [], 'seconds').map((rows) => ({
      seconds: rows[0]!.seconds,
      windows: mean(rows.map(({ windows }) => windows))!,
      present: mean(rows.map(({ present }) => present)),
      precision: mean(rows.map(({ precision }) => precision)),
      recall: mean(rows.map(({ recall }) => recall)),
    })),
  );
}

function overTime<Row>(result: Result, rowsOf: (cells: readonly Cell[]) => Row[]): OverTime<Row>[] {
  const defenses = [undefendedRow(result), strongestDefense(result)].flatMap((row) => row?.defense ?? []);
  const observed = attacksOf([result]).map((attack) => observedBy(result, { attack, adversary: null }));
  return defenses.flatMap((defense) =>
    observed.flatMap((one) => {
      const row = one.summary.find((summary) => summary.defense === defense);
      const rows = row ? rowsOf(cellsOf(one, row)) : [];
      return row && rows.length > 0 ? [{ attack: row.bestAttack, defense, adversary: row.adversary, rows }] : [];
    }),
  );
}

/** Groups the rows of all cells that have the same value of `key`, in its order. */
function groupsBy<K extends string, Row extends Readonly<Record<K, number>>>(
  cells: readonly Cell[],
  rowsOf: (cell: Cell) => readonly Row[],
  key: K,
): Row[][] {
  const groups = new Map<number, Row[]>();
  for (const row of cells.flatMap(rowsOf)) groups.set(row[key], [...(groups.get(row[key]) ?? []), row]);
  return [...groups].sort(([a], [b]) => a - b).map(([, rows]) => rows);
}

/** `up to 1 h`, `1 to 3 h`, `12 h to 1 day`. */
export function ageWords({ from, to }: Pick<AgeScores, 'from' | 'to'>): string {
  const [[first, unit], [last, lastUnit]] = [from, to].map((age) => roundDuration(age).split('\u00A0')) as [
    [string, string],
    [string, string],
  ];
  if (from < 60) return `up to ${last}\u00A0${lastUnit}`;
  const isSame = lastUnit === unit || lastUnit === `${unit}s`;
  return `${isSame ? first : `${first}\u00A0${unit}`} to ${last}\u00A0${lastUnit}`;
}
