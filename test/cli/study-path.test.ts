import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { studyPath } from '../../src/cli/study-path.js';
import { homeveilHere, temporaryFolder } from '../support/run-cli.js';

test('a bare name is a study that comes with Homeveil, unless a file has that name', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'quick'));
  const before = process.cwd();
  process.chdir(folder);
  try {
    expect(studyPath('quick')).toMatch(/specs\/quick\.yaml$/);
    expect(studyPath('quick.yaml')).toBe('quick.yaml');
    expect(studyPath('quik')).toBe('quik');
    writeFileSync('full', '');
    expect(studyPath('full')).toBe('full');
  } finally {
    process.chdir(before);
  }
});

test('bench takes such a name', async () => {
  const { status, stderr } = await homeveilHere('bench', 'quick', '--attack', 'lstm');
  expect(status).toBe(2);
  expect(stderr).toMatch(/^homeveil: --attack: with a study, it stands in the file \(.*specs\/quick\.yaml\)$/m);
});
