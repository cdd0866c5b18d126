import { grown } from '../shared/columns.js';

/**
 * Dense ids for keys of five 32-bit words, in order of first sight: a hash table with open addressing on typed arrays.
 * Reading looks up at least two keys per packet, so nothing here allocates on a look-up.
 */
export interface KeyTable {
  count: number;
  /** `WORDS` words per id. */
  keys: Int32Array;
  /** Id plus one, 0 for an empty slot; a power of two of them, at most half full. */
  slots: Int32Array;
}

const WORDS = 5;

export function createKeyTable(): KeyTable {
  return { count: 0, keys: new Int32Array(64 * WORDS), slots: new Int32Array(128) };
}

/** The id of a key; a key not seen before gets the next one. */
export function keyId(table: KeyTable, a: number, b: number, c: number, d: number, e: number): number {
  const { keys, slots } = table;
  const mask = slots.length - 1;
  let slot = hash(a, b, c, d, e) & mask;
  for (let id = slots[slot]! - 1; id >= 0; id = slots[slot]! - 1) {
    const at = id * WORDS;
    if (keys[at] === a && keys[at + 1] === b && keys[at + 2] === c && keys[at + 3] === d && keys[at + 4] === e) {
      return id;
    }
    slot = (slot + 1) & mask;
  }
  return insert(table, slot, a, b, c, d, e);
}

/** The words of the key with the given id. */
export function keyWords({ keys }: KeyTable, id: number): [number, number, number, number, number] {
  const at = id * WORDS;
  return [keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!, keys[at + 4]!];
}

function insert(table: KeyTable, slot: number, a: number, b: number, c: number, d: number, e: number): number {
  const id = table.count++;
  const at = id * WORDS;
  table.slots[slot] = id + 1;
  table.keys[at] = a;
  table.keys[at + 1] = b;
  table.keys[at + 2] = c;
  table.keys[at + 3] = d;
  table.keys[at + 4] = e;
  if (table.count * 2 === table.slots.length) grow(table);
  return id;
}

function grow(table: KeyTable): void {
  const keys = grown(table.keys);
  const slots = new Int32Array(table.slots.length * 2);
  const mask = slots.length - 1;
  for (let id = 0; id < table.count; id++) {
    const at = id * WORDS;
    let slot = hash(keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!, keys[at + 4]!) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = id + 1;
  }
  table.keys = keys;
  table.slots = slots;
}

/** A sum of products, which a processor works out side by side; then the upper bits are brought down. */
function hash(a: number, b: number, c: number, d: number, e: number): number {
  let h = Math.imul(a, 0x9e3779b1) + Math.imul(b, 0x85ebca77) + Math.imul(c, 0xc2b2ae3d);
  h = (h + Math.imul(d, 0x27d4eb2f) + Math.imul(e, 0x165667b1)) | 0;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 16);
}
