import fc from 'fast-check';
import { expect, it } from 'vitest';
import { groupRows } from '../../../src/learning/forest/rows.js';

it('gives rows the same group exactly if they are the same', () => {
  const row = fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 }), fc.nat({ max: 1 }));
  fc.assert(
    fc.property(fc.array(row), fc.boolean(), (rows, labelled) => {
      const bytes = Uint8Array.from(rows.flatMap((own) => own.slice(0, 2)));
      const label = labelled ? Uint16Array.from(rows, ([, , c]) => c) : undefined;
      const { groups, groupOf, first } = groupRows(bytes, 2, label);
      const names = rows.map(([a, b, c]) => `${a} ${b} ${labelled ? c : ''}`);
      expect(groups).toBe(new Set(names).size);
      for (const [i, name] of names.entries()) {
        expect(first[groupOf[i]!]).toBe(names.indexOf(name));
      }
    }),
  );
});
