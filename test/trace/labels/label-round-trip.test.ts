import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { formatLabels, type Label, readLabelling } from '../../../src/trace/labels/label-file.js';

const folder = mkdtempSync(join(tmpdir(), 'homeveil-labels-'));
afterAll(() => rmSync(folder, { recursive: true }));

// Labels are read by a program, so they are not made safe for a spreadsheet: `=1+1` is a name like others.
test('labels that are written read back as they were, names that a spreadsheet would run among them', () => {
  const odd = fc.constantFrom('=1+1', '+plug', '-3.2', '@home', "'=x", '#1', 'a,b;c', '"quoted"', 'null');
  const name = fc.oneof(odd, fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 }));
  const path = join(folder, 'labels.csv');
  fc.assert(
    fc.property(
      fc.uniqueArray(
        name.filter((text) => text.trim() === text && text !== ''),
        { maxLength: 8 },
      ),
      (names) => {
        fc.pre(names.length > 0);
        const labels = names.map(
          (device, i): Label => ({ address: `02:00:00:00:00:0${i}`, kind: 'mac', device, category: 'iot' }),
        );
        writeFileSync(path, formatLabels(labels));
        const read = readLabelling(path);
        expect(read.by === 'address' && read.labels.map(({ address, device }) => [address, device])).toEqual(
          labels.map(({ address, device }) => [address, device]),
        );
      },
    ),
  );
});
