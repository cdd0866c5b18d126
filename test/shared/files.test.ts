import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InputError } from '../../src/shared/errors.js';
import { createAtomicFile, writeFileAtomic, writeFolderAtomic } from '../../src/shared/files.js';

const folder = () => mkdtempSync(join(tmpdir(), 'homeveil-files-'));

test('a file appears only when it is whole', () => {
  const path = join(folder(), 'deep', 'er', 'x.bin');
  const file = createAtomicFile(path);
  file.write('half');
  expect(readdirSync(join(path, '..'))).not.toContain('x.bin');
  file.write(new Uint8Array([33]));
  expect(file.size).toBe(5);
  file.commit();
  expect(readdirSync(join(path, '..'))).toEqual(['x.bin']);
  expect(readFileSync(path, 'utf8')).toBe('half!');
});

test('what is given up leaves the old file as it was', () => {
  const path = join(folder(), 'x');
  writeFileSync(path, 'old');
  const file = createAtomicFile(path);
  file.write('new');
  file.discard();
  expect(readdirSync(join(path, '..'))).toEqual(['x']);
  expect(readFileSync(path, 'utf8')).toBe('old');
});

test('a place that cannot be written is one clear line', () => {
  const path = join(folder(), 'x');
  writeFileSync(path, '');
  expect(() => writeFileAtomic(join(path, 'y'), '')).toThrow(InputError);
  expect(() => writeFileAtomic(join(path, 'y'), '')).toThrow(/^.*y: cannot be written: [^\n]*$/);
});

test('a folder appears when it is whole, in place of the old one', () => {
  const parent = folder();
  const path = join(parent, 'x');
  writeFolderAtomic(path, { a: 'old', b: 'old' });
  writeFolderAtomic(path, { a: 'new' });
  expect(readdirSync(path)).toEqual(['a']);
  expect(readFileSync(join(path, 'a'), 'utf8')).toBe('new');
  expect(() => writeFolderAtomic(path, { a: 'newer', 'no/such\0name': '' })).toThrow(InputError);
  expect(readFileSync(join(path, 'a'), 'utf8')).toBe('new');
  expect(readdirSync(parent)).toEqual(['x']);
});
