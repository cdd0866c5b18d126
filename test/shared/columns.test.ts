import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defineTable, grown, share, take } from '../../src/shared/columns.js';

/** A table of each type of column. */
const TABLE = defineTable({
  wide: Float64Array,
  single: Float32Array,
  signed: Int32Array,
  whole: Uint32Array,
  short: Uint16Array,
  byte: Uint8Array,
});

const NINE = {
  ...{ a: Float64Array, b: Uint32Array, c: Uint8Array, d: Uint8Array, e: Uint16Array },
  ...{ f: Uint32Array, g: Uint16Array, h: Uint8Array, i: Uint16Array },
} as const;
/** The same table with a tenth column. */
const TEN = defineTable({ ...NINE, j: Int32Array });

type Row = Record<(typeof TABLE)['names'][number], number>;

const anyRow: fc.Arbitrary<Row> = fc.record({
  wide: fc.double({ noNaN: true }),
  single: fc.float({ noNaN: true }),
  signed: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  whole: fc.nat(2 ** 32 - 1),
  short: fc.nat(65_535),
  byte: fc.nat(255),
});
const anyRows = fc.array(anyRow, { maxLength: 40 });

function toColumns(rows: readonly Row[]) {
  const columns = TABLE.allocate(rows.length);
  for (const [i, row] of rows.entries()) for (const name of TABLE.names) columns[name][i] = row[name];
  return columns;
}

function toRows(columns: ReturnType<typeof toColumns>): Row[] {
  return Array.from(columns.wide, (_, i) => {
    return Object.fromEntries(TABLE.names.map((name) => [name, columns[name][i]])) as Row;
  });
}

const nothing: Row = { wide: 0, single: 0, signed: 0, whole: 0, short: 0, byte: 0 };

describe('a table is what an array of rows is', () => {
  test('to be sliced, viewed, taken from, shared and grown', () => {
    fc.assert(
      fc.property(anyRows, fc.nat(40), fc.nat(40), fc.array(fc.nat()), (rows, from, to, picks) => {
        const columns = toColumns(rows);
        const picked = rows.length === 0 ? [] : picks.map((pick) => pick % rows.length);
        expect(toRows(TABLE.slice(columns, from, to))).toEqual(rows.slice(from, to));
        expect(toRows(TABLE.view(columns, from, to))).toEqual(rows.slice(from, to));
        expect(toRows(TABLE.take(columns, Uint32Array.from(picked)))).toEqual(picked.map((row) => rows[row]));
        expect(toRows(TABLE.share(columns))).toEqual(rows);
        const room = Math.max(16, 2 * rows.length);
        expect(toRows(TABLE.grow(columns))).toEqual([...rows, ...Array(room - rows.length).fill(nothing)]);
        expect(toRows(TABLE.grow(columns, rows.length + 1))).toEqual([...rows, nothing]);
        expect(toRows(columns)).toEqual(rows);
      }),
    );
  });

  test('to be joined', () => {
    fc.assert(
      fc.property(fc.array(anyRows, { maxLength: 4 }), (tables) => {
        expect(toRows(TABLE.join(tables.map(toColumns)))).toEqual(tables.flat());
      }),
    );
  });

  test('to have rows removed', () => {
    fc.assert(
      fc.property(anyRows, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (rows, isGone) => {
        const columns = toColumns(rows);
        const gone = [...rows.keys()].filter((row) => isGone[row]);
        TABLE.remove(columns, gone, rows.length);
        const left = rows.filter((_, row) => !isGone[row]);
        expect(toRows(TABLE.slice(columns, 0, left.length))).toEqual(left);
      }),
    );
  });
});

describe('the hash', () => {
  test('is that of the values, and sees each of them', () => {
    fc.assert(
      fc.property(anyRows, fc.nat(), fc.nat(), (rows, at, which) => {
        const columns = toColumns(rows);
        const hash = TABLE.hash(columns);
        expect(TABLE.hash(TABLE.share(columns))).toBe(hash);
        if (rows.length === 0) return;
        const row = at % rows.length;
        const name = TABLE.names[which % TABLE.names.length]!;
        columns[name][row] = columns[name][row] === 1 ? 2 : 1;
        expect(TABLE.hash(columns)).not.toBe(hash);
        expect(TABLE.hash(columns, { except: [name] })).toBe(TABLE.hash(toColumns(rows), { except: [name] }));
      }),
    );
  });

  test('does not see the order of rows with equal values of the column that says so', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), anyRow), { maxLength: 40 }), (all) => {
        const sorted = all.map(([short, row]) => ({ ...row, short })).sort((a, b) => a.short - b.short);
        const other = sorted.toReversed().sort((a, b) => a.short - b.short);
        const hash = TABLE.hash(toColumns(sorted), { unordered: 'short' });
        expect(TABLE.hash(toColumns(other), { unordered: 'short' })).toBe(hash);
      }),
    );
  });

  test('is the same for values of one meaning, and another for another meaning', () => {
    const columns = toColumns([nothing, { ...nothing, byte: 1 }]);
    const swapped = toColumns([{ ...nothing, byte: 1 }, nothing]);
    const hash = TABLE.hash(columns, { meanings: { byte: BigUint64Array.of(7n, 8n) } });
    expect(TABLE.hash(swapped, { meanings: { byte: BigUint64Array.of(8n, 7n) } })).toBe(hash);
    expect(TABLE.hash(columns, { meanings: { byte: BigUint64Array.of(7n, 9n) } })).not.toBe(hash);
  });
});

test('a tenth column is grown, taken, joined, shared and hashed without another line', () => {
  const columns = TEN.allocate(2);
  columns.j.set([-5, 6]);
  const other = TEN.slice(columns, 0);
  other.j[1] = 7;
  expect(TEN.hash(other)).not.toBe(TEN.hash(columns));
  expect([...TEN.grow(columns).j.subarray(0, 3)]).toEqual([-5, 6, 0]);
  expect([...TEN.take(columns, Uint32Array.of(1, 1, 0)).j]).toEqual([6, 6, -5]);
  expect([...TEN.join([columns, other]).j]).toEqual([-5, 6, -5, 7]);
  const shared = TEN.share(columns);
  expect([...shared.j]).toEqual([-5, 6]);
  expect(shared.j.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test('columns keep their type, and a view shares its memory', () => {
  const column = Int32Array.of(1, -2);
  for (const copy of [grown(column), take(column, Uint32Array.of(0)), share(column)]) {
    expect(copy).toBeInstanceOf(Int32Array);
  }
  const columns = TABLE.allocate(2);
  TABLE.view(columns, 1).byte[0] = 9;
  expect([...columns.byte]).toEqual([0, 9]);
});
