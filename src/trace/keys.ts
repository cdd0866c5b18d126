/**
 * Dense ids for keys of five 32-bit words, in order of first sight: a hash table with open addressing on typed arrays.
 * Reading looks up five keys a packet (two MACs, two addresses, a conversation), so nothing here allocates per look-up.
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

/** Word `word` of the key with the given id. */
export function keyWord(table: KeyTable, id: number, word: number): number {
  return table.keys[id * WORDS + word]!;
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
  const keys = new Int32Array(table.keys.length * 2);
  keys.set(table.keys);
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

/** Multiply and rotate each word in, then the finishing steps of MurmurHash3. */
function hash(a: number, b: number, c: number, d: number, e: number): number {
  let h = Math.imul(a, 0xcc9e2d51 | 0);
  h = Math.imul((h << 13) | (h >>> 19), 5) ^ Math.imul(b, 0x1b873593);
  h = Math.imul((h << 13) | (h >>> 19), 5) ^ Math.imul(c, 0xcc9e2d51 | 0);
  h = Math.imul((h << 13) | (h >>> 19), 5) ^ Math.imul(d, 0x1b873593);
  h = Math.imul((h << 13) | (h >>> 19), 5) ^ Math.imul(e, 0xcc9e2d51 | 0);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b | 0);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35 | 0);
  return h ^ (h >>> 16);
}
