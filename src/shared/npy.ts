import { InputError } from './errors.js';

/**
 * NumPy's own format for one array (numpy.lib.format): magic, version, length of the header, the header as a Python literal, the
 * values. What we write is version 1.0, little endian and row-major.
 */

const TYPES = [
  { descr: '<f4', of: Float32Array },
  { descr: '<f8', of: Float64Array },
  { descr: '<i4', of: Int32Array },
  { descr: '|u1', of: Uint8Array },
] as const;

type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array;

const MAGIC = '\x93NUMPY';

/** The bytes of a `.npy` file. @param shape of the array, rows first */
export function encodeNpy(values: Numbers, shape: readonly number[]): Uint8Array {
  const { descr } = TYPES.find(({ of }) => values instanceof of)!;
  const literal = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  // Magic and header together are a multiple of 64 bytes, and end with a line feed.
  const length = Math.ceil((10 + literal.length + 1) / 64) * 64 - 10;
  const head = Buffer.from(`${MAGIC}\x01\x00..${`${literal.padEnd(length - 1)}\n`}`, 'latin1');
  head.writeUInt16LE(length, 8);
  return Buffer.concat([head, Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}

/** A matrix of a `.npy` file. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Row-major. */
  readonly values: Float32Array;
}

/**
 * Reads a matrix of 32-bit or 64-bit floats.
 * @param where begins error messages: the file's name
 * @throws InputError for another array, or a file that is no `.npy` or is cut short
 */
export function decodeMatrix(bytes: Uint8Array, where: string): Matrix {
  const { descr, isColumnMajor, shape, at } = readHeader(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    where,
  );
  const width = { '<f4': 4, '<f8': 8 }[descr];
  if (width === undefined) throw new InputError(`${where}: expected values of type float32 or float64, found ${descr}`);
  if (shape.length !== 2) {
    throw new InputError(`${where}: expected two dimensions, found ${shape.length}: (${shape.join(', ')})`);
  }
  const [rows, columns] = shape as [number, number];
  const size = rows * columns;
  if (bytes.length - at !== size * width) {
    throw new InputError(`${where}: expected ${size * width} bytes of values, found ${bytes.length - at}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, size * width);
  const read = (i: number) => (width === 4 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true));
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    values[isColumnMajor ? (i % rows) * columns + Math.floor(i / rows) : i] = read(i);
  }
  return { rows, columns, values };
}

function readHeader(bytes: Buffer, where: string) {
  const isNpy = bytes.length >= 12 && bytes.toString('latin1', 0, MAGIC.length) === MAGIC;
  // From version 2 on the length has four bytes.
  const at = isNpy && bytes[6]! >= 2 ? 12 : 10;
  const end = isNpy ? at + (at === 12 ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8)) : 0;
  const literal = bytes.toString('latin1', at, end);
  const descr = /'descr': '([^']*)'/.exec(literal)?.[1];
  const order = /'fortran_order': (True|False)/.exec(literal)?.[1];
  const shape = /'shape': \(([\d, ]*)\)/.exec(literal)?.[1];
  if (descr === undefined || order === undefined || shape === undefined) {
    throw new InputError(`${where}: expected an array as numpy.save writes it, found another file`);
  }
  const sizes = shape.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  return { descr: descr as '<f4' | '<f8', isColumnMajor: order === 'True', shape: sizes, at: end };
}
