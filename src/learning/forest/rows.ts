/** Groups of equal rows of a table. */
export interface RowGroups {
  readonly groups: number;
  /** The group of each row, in order of first appearance. */
  readonly groupOf: Uint32Array;
  /** The first row of each group. */
  readonly first: Uint32Array;
}

/**
 * Groups the equal rows of a row-major table of bytes (`width` a row), equal in `label` too where that is given. Packets repeat a lot
 * once their numbers are in bins, so work per group is much less than work per row.
 */
export function groupRows(bytes: Uint8Array, width: number, label?: Uint16Array): RowGroups {
  const rows = bytes.length / width;
  const groupOf = new Uint32Array(rows);
  const first = new Uint32Array(rows);
  let groups = 0;
  // Open addressing at a load of at most a half; a slot holds group + 1, 0 is free.
  const slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(2, rows) * 2)));
  const mask = slots.length - 1;
  for (let row = 0; row < rows; row++) {
    let hash = 0x811c9dc5 ^ (label ? label[row]! : 0);
    for (let i = row * width; i < (row + 1) * width; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    // The low bits of FNV-1a depend on the low bits of the input alone; mix the high ones in.
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & mask;
    for (;;) {
      const group = slots[slot]! - 1;
      if (group < 0) {
        first[groups++] = row;
        slots[slot] = groups;
        groupOf[row] = groups - 1;
        break;
      }
      if (sameRow(bytes, width, label, first[group]!, row)) {
        groupOf[row] = group;
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return { groups, groupOf, first: first.slice(0, groups) };
}

function sameRow(bytes: Uint8Array, width: number, label: Uint16Array | undefined, a: number, b: number): boolean {
  if (label && label[a] !== label[b]) return false;
  for (let i = 0; i < width; i++) if (bytes[a * width + i] !== bytes[b * width + i]) return false;
  return true;
}
