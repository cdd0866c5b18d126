import type { Trace } from '../trace/trace.js';
import { type Check, demand } from './report.js';
import type { Trial } from './trial.js';

export const hidesCover: Check = {
  name: 'hides-its-cover',
  summary: 'On rich traffic no length, port, protocol or flow gives cover away, unless separableCover is declared.',
};

/** Fewer frames of either kind say too little. */
const FEWEST = 50;
/** Share of the cover that may stand out: what is drawn from few packets, at the beginning, is forgiven. */
const ALLOWED = 0.05;
/** Bytes in a class of lengths. */
const COARSE = 64;

/** Whether there is enough cover, and enough else, to tell the two apart by. */
export function hasCover({ defended: { trace } }: Trial): boolean {
  const cover = rowsWhere(trace, 1).length;
  return cover >= FEWEST && trace.packets - cover >= FEWEST;
}

/**
 * Whether the columns that an attack sees tell cover from real frames by a value that only cover has. Three things are asked:
 *
 * - One length that no real frame has must not make up more than 5 % of the cover: a mark.
 * - Nor must all lengths that lie in classes of 64 bytes without a real frame: lengths of another range. More is allowed where the real
 *   frames' classes are themselves rare, by Good and Turing's estimate of how often one more real frame would be in a class of its own.
 *   Classes, since defenses that draw lengths at random hit few values twice.
 * - Flow, port and protocols together must be those of a packet that came in. In a tunnel the link sees to that.
 *
 * Times, directions and how often a value comes are left alone: there is no bound that every honest defense keeps and only those.
 * @throws Violation
 */
export function checkHidden({ before, defended, claims }: Trial): void {
  const { trace } = defended;
  const cover = rowsWhere(trace, 1);
  const real = rowsWhere(trace, 0);
  const lengths = countValues(real, (row) => trace.length[row]!);
  for (const [length, count] of countValues(cover, (row) => trace.length[row]!)) {
    const share = count / cover.length;
    demand(
      lengths.has(length) || share <= ALLOWED,
      `${percent(share)} of the cover has ${length} bytes, no other frame has`,
    );
  }

  const classOf = (row: number) => Math.floor(trace.length[row]! / COARSE);
  const classes = countValues(real, classOf);
  const alone = [...classes.values()].filter((count) => count === 1).length / real.length;
  const strange = cover.filter((row) => !classes.has(classOf(row)));
  demand(
    strange.length / cover.length <= ALLOWED + alone,
    `${percent(strange.length / cover.length)} of the cover is of lengths near which no other frame is, of ${trace.length[strange[0]!]} bytes for one`,
  );

  if (!claims.isTunnel) {
    const shapes = new Set<string>();
    for (let i = 0; i < before.packets; i++) shapes.add(shapeOf(before, i));
    for (const row of cover) {
      demand(
        shapes.has(shapeOf(trace, row)),
        `frame ${row} is cover with flow ${trace.flow[row]}, port ${trace.port[row]} and protocols ${trace.protocols[row]}: no packet that came in has these`,
      );
    }
  }
}

function rowsWhere({ cover }: Trace, value: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < cover.length; row++) if (cover[row] === value) rows.push(row);
  return rows;
}

function countValues(rows: readonly number[], value: (row: number) => number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(value(row), (counts.get(value(row)) ?? 0) + 1);
  return counts;
}

const shapeOf = ({ flow, port, protocols }: Trace, row: number) => `${flow[row]} ${port[row]} ${protocols[row]}`;
const percent = (share: number) => `${Math.round(100 * share)} %`;
