import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { StudyResult } from '../../src/result/result.js';
import { homeveil, temporaryFolder } from '../support/run-cli.js';

const decimals = (value: number | null) => (value === null ? '' : value.toFixed(4));

// A change of these numbers is a change of what Homeveil says of a defense: it needs a reason. `npx vitest run -u` writes them anew.
test('specs/quick.yaml gives the committed numbers', async () => {
  const out = temporaryFolder();
  const run = homeveil('bench', 'specs/quick.yaml', '--out', out);
  expect([run.status, run.stderr]).toEqual([0, '']);
  const { runs }: StudyResult = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
  const head = 'view,seed,defense,adversary,accuracy,macroF1,bandwidthOverhead,addedDelayP95';
  const rows = runs.flatMap(({ cells }) =>
    cells.map(({ view, seed, defense, adversary, identification, cost }) =>
      [
        view,
        seed,
        defense,
        adversary,
        decimals(identification.accuracy),
        decimals(identification.macroF1),
        decimals(cost.bandwidthOverhead),
        decimals(cost.addedDelay.p95),
      ].join(),
    ),
  );
  await expect(`${[head, ...rows].join('\n')}\n`).toMatchFileSnapshot('quick-study.csv');
}, 180_000);
