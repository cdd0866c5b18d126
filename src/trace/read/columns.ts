/** The per-packet columns of a packet table while it grows; its `file` column is filled in at the end. */
export interface Columns {
  readonly time: Float64Array;
  readonly length: Uint32Array;
  readonly protocols: Uint8Array;
  readonly source: Uint32Array;
  readonly destination: Uint32Array;
  readonly conversation: Uint32Array;
  readonly reverse: Uint8Array;
}

/** Columns of `rows` zeros. Memory that is never written costs none: the system hands it out page by page. */
export function createColumns(rows: number): Columns {
  return {
    time: new Float64Array(rows),
    length: new Uint32Array(rows),
    protocols: new Uint8Array(rows),
    source: new Uint32Array(rows),
    destination: new Uint32Array(rows),
    conversation: new Uint32Array(rows),
    reverse: new Uint8Array(rows),
  };
}

/** The same columns with twice the rows. */
export function growColumns(columns: Columns): Columns {
  const larger = createColumns(columns.time.length * 2);
  // The two are of one type: they are the same column.
  for (const name of columnNames(columns)) (larger[name] as Float64Array).set(columns[name] as Float64Array);
  return larger;
}

/** Moves up the rows behind those of `gone`, which ascend, and returns how many of the first `rows` are left. */
export function removeRows(columns: Columns, gone: readonly number[], rows: number): number {
  if (gone.length === 0) return rows;
  for (const name of columnNames(columns)) {
    const column = columns[name];
    let next = 0;
    let to = gone[0]!;
    for (let from = to; from < rows; from++) {
      if (from === gone[next]) next++;
      else column[to++] = column[from]!;
    }
  }
  return rows - gone.length;
}

/** The first `rows` rows, without copying them. */
export function firstRows(columns: Columns, rows: number): Columns {
  return Object.fromEntries(columnNames(columns).map((name) => [name, columns[name].subarray(0, rows)])) as never;
}

function columnNames(columns: Columns): (keyof Columns)[] {
  return Object.keys(columns) as (keyof Columns)[];
}
