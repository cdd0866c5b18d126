import type { Column } from '../../src/learning/forest/bins.js';

/**
 * The table of scikit-learn.py beside this file, number for number: five classes that overlap, a port and a length that
 * tell of them, and a column that tells nothing.
 */
export function makeTable(rows: number): { columns: Column[]; label: Uint16Array } {
  let state = 1;
  const next = (bound: number) => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
  const port = new Uint16Array(rows);
  const length = new Float32Array(rows);
  const nothing = new Uint16Array(rows);
  const label = new Uint16Array(rows);
  for (let i = 0; i < rows; i++) {
    const c = next(5);
    label[i] = c;
    port[i] = next(10) < 7 ? [443, 8883, 443, 53, 123][c]! : 1000 + next(8) * 111;
    length[i] = 60 + 150 * c + next(400);
    nothing[i] = next(1000);
  }
  const columns: Column[] = [
    { kind: 'categorical', name: 'port', values: port },
    { kind: 'numeric', name: 'length', values: length },
    { kind: 'numeric', name: 'nothing', values: nothing },
  ];
  return { columns, label };
}

export function takeRows(columns: readonly Column[], from: number, to: number): Column[] {
  return columns.map((column) => ({ ...column, values: column.values.slice(from, to) }) as Column);
}
