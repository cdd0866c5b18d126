import { InputError } from '../../shared/errors.js';

/** Largest value of one byte; above it the byte gives the number of bytes that follow: 251 for 2, 252 for 4, 253 for 8. */
export const SINGLE = 250;
export const WIDTHS = [2, 4, 8];

/**
 * Reads the format of the Rust crate bincode 1.3 with `DefaultOptions`: little-endian, integers of variable length, an option or an enum
 * variant by its number, nothing between the fields.
 */
export interface BincodeReader {
  unsigned(what: string): bigint;
  /** An unsigned integer as a number: exact up to 2^53, more than any accepted value. */
  count(what: string): number;
  boolean(what: string): boolean;
  double(what: string): number;
  float(what: string): number;
  option<T>(what: string, read: () => T): T | null;
  /** One of `variants`, by its number. */
  variant<T>(what: string, variants: readonly T[]): T;
  /** @throws InputError where bytes are left */
  end(): void;
}

/** @param where begins each error message */
export function createBincodeReader(bytes: Uint8Array, where: string): BincodeReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const fail = (what: string): never => {
    throw new InputError(`${where}: ${what}`);
  };
  const take = (count: number, what: string): number => {
    const start = at;
    at += count;
    if (at > bytes.length) fail(`cut short at byte ${bytes.length}, in ${what}`);
    return start;
  };
  const unsigned = (what: string): bigint => {
    const first = view.getUint8(take(1, what));
    if (first <= SINGLE) return BigInt(first);
    const width =
      WIDTHS[first - SINGLE - 1] ?? fail(`${what}: expected at most 64 bits at byte ${at - 1}, found mark ${first}`);
    const start = take(width, what);
    if (width === 8) return view.getBigUint64(start, true);
    return BigInt(width === 2 ? view.getUint16(start, true) : view.getUint32(start, true));
  };
  const variant = <T>(what: string, variants: readonly T[]): T => {
    const start = at;
    const number = Number(unsigned(what));
    return variants[number] ?? fail(`${what}: expected 0 to ${variants.length - 1} at byte ${start}, found ${number}`);
  };
  const boolean = (what: string): boolean => {
    const value = view.getUint8(take(1, what));
    if (value > 1) fail(`${what}: expected 0 or 1 at byte ${at - 1}, found ${value}`);
    return value === 1;
  };
  return {
    unsigned,
    count: (what) => Number(unsigned(what)),
    boolean,
    double: (what) => view.getFloat64(take(8, what), true),
    float: (what) => view.getFloat32(take(4, what), true),
    option: (what, read) => (boolean(what) ? read() : null),
    variant,
    end() {
      if (at < bytes.length) fail(`expected its end at byte ${at}, found ${bytes.length - at} bytes more`);
    },
  };
}
