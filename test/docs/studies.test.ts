import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resolveSpec } from '../../src/harness/spec.js';
import { readStudy } from '../../src/harness/study-file.js';
import { temporaryFolder } from '../support/run-cli.js';

const specs = new URL('../../specs/', import.meta.url).pathname;

test.each(readdirSync(specs))('specs/%s can be read, and all it names is there', (name) => {
  const { requests } = readStudy(join(specs, name));
  for (const request of requests) expect(resolveSpec(request).defenses.length).toBeGreaterThan(0);
});

test('the example of docs/studies.md is a study, with the defenses it says it has', () => {
  const page = readFileSync(new URL('../../docs/studies.md', import.meta.url), 'utf8');
  const path = join(temporaryFolder(), 'study.yaml');
  writeFileSync(path, /```yaml\n(.*?)```/s.exec(page)![1]!);
  const { requests } = readStudy(path);
  expect(requests).toHaveLength(3 * 2);
  expect(requests.map(({ unknown }) => unknown).slice(2)).toEqual([undefined, undefined, 1, 1]);
  expect(requests[0]!.defenses).toEqual([
    'none',
    'pad:rule=mtu',
    'pad:rule=random',
    'pad+jitter:delay=0.05',
    'pad+jitter:delay=0.5',
  ]);
});
