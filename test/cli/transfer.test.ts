import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Result } from '../../src/result/result.js';
import { homeveil, temporaryFolder } from '../support/run-cli.js';

test('transfer tests each model on each other defense, and shows the matrix', () => {
  const out = temporaryFolder();
  const small = ['--hours', '0.3', '--minimum-packets', '20', '--attack', 'random-forest:trees=5', '--out', out];
  const defenses = ['none', 'pad:rule=mtu', 'jitter'].flatMap((defense) => ['--defense', defense]);
  const run = homeveil('bench', ...small, ...defenses, '--adversary', 'static', 'adaptive', 'transfer');
  expect([run.status, run.stderr]).toEqual([0, '']);
  const result: Result = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
  expect(result.transfer!.map(({ trainedOn, testedOn }) => `${trainedOn} > ${testedOn}`)).toEqual([
    'pad:rule=mtu > none',
    'jitter > none',
    'jitter > pad:rule=mtu',
    'pad:rule=mtu > jitter',
  ]);
  // The very models of the adaptive adversary: what knows padding names less of what is not padded than what knows that.
  const adaptive = (defense: string) =>
    result.cells.find((cell) => cell.defense === defense && cell.adversary === 'adaptive')!.identification.accuracy;
  const [padToNone] = result.transfer!;
  expect(padToNone!.accuracy).toBeLessThan(adaptive('none'));

  const page = readFileSync(join(out, 'report.html'), 'utf8');
  const matrix = page.slice(page.indexOf('<h2 id="transfer">'));
  const rows = matrix.slice(0, matrix.indexOf('</section>')).match(/<tr><th scope="row">.*?<\/tr>/gs)!;
  expect(rows).toHaveLength(3);
  const shares = rows.map((row) => [...row.matchAll(/heat-\d+">(\d+)</g)].map(([, share]) => Number(share)));
  expect(shares.map((row) => row.length)).toEqual([3, 3, 3]);
  expect(shares[1]![0]).toBe(Math.round(100 * padToNone!.accuracy));
  expect(shares[1]![1]).toBe(Math.round(100 * adaptive('pad:rule=mtu')));
});
