import { createHash } from 'node:crypto';

/** One value for each row of a table. */
export type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

type ColumnType =
  | Uint8ArrayConstructor
  | Uint16ArrayConstructor
  | Uint32ArrayConstructor
  | Int32ArrayConstructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor;

type Types = Readonly<Record<string, ColumnType>>;

/** The columns of a table by name, all of the same length. */
type Columns<T extends Types> = { readonly [Name in keyof T]: T[Name]['prototype'] };

/** The columns of the tables that `T`, made by {@link defineTable}, defines. */
export type ColumnsOf<T> = T extends Table<infer U> ? Columns<U> : never;

/** Operations on the columns of one kind of table. Objects that are passed in may have other properties, which are ignored. */
export interface Table<T extends Types> {
  readonly types: T;
  readonly names: readonly (keyof T & string)[];
  /** Columns of `rows` zeros. Memory that is never written costs none: the system hands it out page by page. */
  allocate(rows: number): Columns<T>;
  /** A copy with room for twice as many rows, at least 16; or for `rows`. */
  grow(columns: Columns<T>, rows?: number): Columns<T>;
  /** A copy of the rows from `from` to before `to`. */
  slice(columns: Columns<T>, from: number, to?: number): Columns<T>;
  /** The rows from `from` to before `to`, without copying them. */
  view(columns: Columns<T>, from: number, to?: number): Columns<T>;
  /** The first `rows` rows: copied, unless there are no others. */
  trim(columns: Columns<T>, rows: number): Columns<T>;
  /** A copy of the given rows, in that order. */
  take(columns: Columns<T>, rows: Uint32Array): Columns<T>;
  /** Removes rows in place: those behind the rows of `gone`, which ascend, move up; the last ones, out of `rows`, are left as they are. */
  remove(columns: Columns<T>, gone: readonly number[], rows: number): void;
  /** A copy of several tables, one after another. */
  join(tables: readonly Columns<T>[]): Columns<T>;
  /** A copy in memory that threads share. */
  share(columns: Columns<T>): Columns<T>;
  /** SHA-256 over all rows and columns; see {@link HashOptions}. */
  hash(columns: Columns<T>, options?: HashOptions<keyof T & string>): string;
}

interface HashOptions<Name extends string> {
  /** Columns that do not matter. */
  readonly except?: readonly Name[];
  /** Digests that stand for the values of a column whose numbers mean nothing by themselves: value v is hashed as entry v. */
  readonly meanings?: { readonly [N in Name]?: BigUint64Array };
  /** A column of which equal values follow each other: the order of rows that share a value does not matter. */
  readonly unordered?: Name;
}

/** Defines a kind of table, once, by the names and types of its columns. */
export function defineTable<const T extends Types>(types: T): Table<T> {
  const names = Object.keys(types) as (keyof T & string)[];
  const each = (make: (name: keyof T & string) => Column) =>
    Object.fromEntries(names.map((name) => [name, make(name)])) as Columns<T>;
  const allocate = (rows: number) => each((name) => new types[name]!(rows));
  return {
    types,
    names,
    allocate,
    grow: (columns, rows) => each((name) => grown(columns[name], rows)),
    slice: (columns, from, to) => each((name) => columns[name].slice(from, to)),
    view: (columns, from, to) => each((name) => columns[name].subarray(from, to)),
    trim: (columns, rows) => each((name) => trimmed(columns[name], rows)),
    take: (columns, rows) => each((name) => take(columns[name], rows)),
    remove(columns, gone, rows) {
      for (const name of names) {
        for (const [i, row] of gone.entries()) columns[name].copyWithin(row - i, row + 1, gone[i + 1] ?? rows);
      }
    },
    join(tables) {
      const lengths = tables.map((columns) => columns[names[0]!].length);
      const joined = allocate(lengths.reduce((sum, rows) => sum + rows, 0));
      let at = 0;
      for (const [i, columns] of tables.entries()) {
        for (const name of names) joined[name].set(columns[name], at);
        at += lengths[i]!;
      }
      return joined;
    },
    share: (columns) => each((name) => share(columns[name])),
    hash(columns, { except = [], meanings = {}, unordered }: HashOptions<keyof T & string> = {}) {
      const hashed = names
        .filter((name) => !except.includes(name))
        .map((name) => ({ values: columns[name] as Column, meanings: meanings[name] }));
      return hashRows(hashed, unordered && columns[unordered]);
    },
  };
}

/** A copy with room for twice as many values, at least 16; or for `size`. */
export function grown<T extends Column>(column: T, size: number = Math.max(16, column.length * 2)): T {
  const larger = empty(column, size);
  larger.set(column);
  return larger;
}

/** The first `size` values: copied, unless there are no others. */
export function trimmed<T extends Column>(column: T, size: number): T {
  return column.length === size ? column : (column.slice(0, size) as T);
}

/** The values at `rows`, in that order. */
export function take<T extends Column>(column: T, rows: Uint32Array): T {
  const out = empty(column, rows.length);
  gather(unsigned(column), rows, unsigned(out));
  return out;
}

/** A copy in memory that threads share. */
export function share<T extends Column>(column: T): T {
  const type = column.constructor as new (buffer: SharedArrayBuffer) => T;
  const shared = new type(new SharedArrayBuffer(column.byteLength));
  shared.set(column);
  return shared;
}

function empty<T extends Column>(like: T, size: number): T {
  return new (like.constructor as new (size: number) => T)(size);
}

/**
 * The same bytes as an array of one of four types. Code that meets more types than that is not optimised: `gather` takes ten
 * times as long with six.
 */
function unsigned(column: Column): Column {
  const { buffer, byteOffset, length } = column;
  if (column instanceof Float32Array || column instanceof Int32Array)
    return new Uint32Array(buffer, byteOffset, length);
  return column;
}

function gather(from: Column, rows: Uint32Array, to: Column): void {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]!]!;
}

interface HashedColumn {
  readonly values: Column;
  readonly meanings: BigUint64Array | undefined;
}

/** Rows are made into records of bytes, so many at once. */
const ROWS_AT_ONCE = 4096;

/** Hashes records of the columns' values, the widest first, in little-endian order. */
function hashRows(columns: readonly HashedColumn[], unordered: Column | undefined): string {
  const width = ({ values, meanings }: HashedColumn) => (meanings ?? values).BYTES_PER_ELEMENT;
  const widestFirst = columns.toSorted((a, b) => width(b) - width(a));
  const record = widestFirst.reduce((sum, column) => sum + width(column), 0);
  const rows = columns[0]?.values.length ?? 0;
  const hash = createHash('sha256');
  for (let from = 0, to = 0; from < rows; from = to) {
    to = Math.min(rows, from + ROWS_AT_ONCE);
    while (unordered && to < rows && unordered[to] === unordered[to - 1]) to++;
    const bytes = Buffer.alloc((to - from) * record);
    let offset = 0;
    for (const column of widestFirst) {
      writeValues(column, from, to, new DataView(bytes.buffer, bytes.byteOffset + offset), record);
      offset += width(column);
    }
    if (unordered) sortEqual(unordered.subarray(from, to), bytes, record);
    hash.update(bytes);
  }
  return hash.digest('hex');
}

/** Writes the values of rows `from` to `to` of a column, every `step` bytes. */
function writeValues({ values, meanings }: HashedColumn, from: number, to: number, view: DataView, step: number): void {
  if (meanings) {
    for (let i = from, at = 0; i < to; i++, at += step) view.setBigUint64(at, meanings[values[i]!]!, true);
  } else if (values instanceof Float64Array) {
    for (let i = from, at = 0; i < to; i++, at += step) view.setFloat64(at, values[i]!, true);
  } else if (values instanceof Float32Array) {
    for (let i = from, at = 0; i < to; i++, at += step) view.setFloat32(at, values[i]!, true);
  } else if (values.BYTES_PER_ELEMENT === 4) {
    for (let i = from, at = 0; i < to; i++, at += step) view.setUint32(at, values[i]!, true);
  } else if (values.BYTES_PER_ELEMENT === 2) {
    for (let i = from, at = 0; i < to; i++, at += step) view.setUint16(at, values[i]!, true);
  } else {
    for (let i = from, at = 0; i < to; i++, at += step) view.setUint8(at, values[i]!);
  }
}

/** Sorts the records of each run of equal `values` by their bytes. */
function sortEqual(values: Column, bytes: Buffer, record: number): void {
  for (let from = 0, to = 0; from < values.length; from = to) {
    for (to = from + 1; to < values.length && values[to] === values[from]; ) to++;
    if (to - from === 1) continue;
    const records = Array.from({ length: to - from }, (_, i) => {
      const at = (from + i) * record;
      return Buffer.from(bytes.subarray(at, at + record));
    });
    Buffer.concat(records.sort(Buffer.compare)).copy(bytes, from * record);
  }
}
