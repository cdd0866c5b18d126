/** The per-packet columns of a packet table while it grows. */
export interface ColumnBlock {
  readonly time: Float64Array;
  readonly length: Uint32Array;
  readonly protocols: Uint8Array;
  /** Pair of sender and receiver on the link. */
  readonly link: Uint32Array;
  readonly conversation: Uint32Array;
  readonly reverse: Uint8Array;
}

/** Rows come in blocks of a fixed size, so growing copies nothing; they are joined once, at the end. */
export const BLOCK_ROWS = 1 << 14;

export function createColumns(rows: number): ColumnBlock {
  return {
    time: new Float64Array(rows),
    length: new Uint32Array(rows),
    protocols: new Uint8Array(rows),
    link: new Uint32Array(rows),
    conversation: new Uint32Array(rows),
    reverse: new Uint8Array(rows),
  };
}

/** The first `rows` rows of `blocks`, one after another, as one. */
export function joinColumns(blocks: readonly ColumnBlock[], rows: number): ColumnBlock {
  const joined = createColumns(rows);
  for (const name of Object.keys(joined) as (keyof ColumnBlock)[]) {
    let at = 0;
    for (const block of blocks) {
      const part = block[name].subarray(0, rows - at);
      // The two are of one type: they are the same column.
      (joined[name] as Float64Array).set(part as Float64Array, at);
      at += part.length;
    }
  }
  return joined;
}
