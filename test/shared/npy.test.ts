import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeMatrix, encodeNpy } from '../../src/shared/npy.js';

test('a matrix is written as NumPy writes it', () => {
  // xxd of numpy.save('a.npy', numpy.float32([[1, 2]])), NumPy 1.24; our header ends its shape with a comma.
  const bytes = Buffer.from(encodeNpy(Float32Array.of(1, 2), [1, 2]));
  expect(bytes.subarray(0, 10)).toEqual(Buffer.from('934e554d50590100' + '7600', 'hex'));
  const header = bytes.toString('latin1', 10, 128);
  expect(header.trimEnd()).toBe("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2,), }");
  expect(header.at(-1)).toBe('\n');
  expect(bytes.subarray(128)).toEqual(Buffer.from('0000803f' + '00000040', 'hex'));
});

test('any matrix is read back', () => {
  const matrices = fc.integer({ min: 0, max: 5 }).chain((columns) =>
    fc.array(fc.array(fc.float({ noNaN: true }), { minLength: columns, maxLength: columns })).map((rows) => ({
      rows: rows.length,
      columns,
      values: Float32Array.from(rows.flat()),
    })),
  );
  fc.assert(
    fc.property(matrices, ({ rows, columns, values }) => {
      expect(decodeMatrix(encodeNpy(values, [rows, columns]), 'a.npy')).toEqual({ rows, columns, values });
    }),
  );
});

/** A file as NumPy has it, with any header. */
const file = (header: string, values: Uint8Array) => {
  const head = Buffer.from(`\x93NUMPY\x01\x00..${header}\n`, 'latin1');
  head.writeUInt16LE(header.length + 1, 8);
  return Buffer.concat([head, values]);
};
const doubles = Buffer.from(Float64Array.of(1, 2, 3, 4, 5, 6).buffer);

test('a column-major matrix of doubles, as NumPy saves a transposed one, is read by its rows', () => {
  const bytes = file("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }", doubles);
  expect([...decodeMatrix(bytes, 'a.npy').values]).toEqual([1, 3, 5, 2, 4, 6]);
});

test.each([
  [
    "{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }",
    'expected values of type float32 or float64, found <i8',
  ],
  ["{'descr': '<f8', 'fortran_order': False, 'shape': (6,), }", 'expected two dimensions, found 1: (6)'],
  ["{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4), }", 'expected 64 bytes of values, found 48'],
  ['nothing', 'expected an array as numpy.save writes it, found another file'],
])('the header %s is refused', (header, message) => {
  expect(() => decodeMatrix(file(header, doubles), 'a.npy')).toThrow(`a.npy: ${message}`);
});

test('no bytes are no array', () => {
  expect(() => decodeMatrix(new Uint8Array(0), 'a.npy')).toThrow('a.npy: expected an array');
});
