import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/result/result.js';
import { homeveil, homeveilHere, temporaryFolder } from '../support/run-cli.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const small = ['--hours', '0.3', '--minimum-packets', '20', '--attack', 'random-forest:trees=5'];

/** A folder in which Node finds homeveil, as `npm link` leaves it. */
function linkedFolder(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'homeveil'));
  return folder;
}

describe.each([
  ['defense', []],
  ['attack', []],
  ['attack', ['--per', 'window']],
  ['view', []],
] as const)('homeveil new %s %j', (kind, more) => {
  const folder = linkedFolder();
  const source = join(folder, 'a-first.ts');

  test('writes two files, and says what to do next', () => {
    const { stdout, status } = homeveil('new', kind, 'a-first', ...more, '--dir', folder);
    expect(status).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['a-first.test.mjs', 'a-first.ts', 'node_modules']);
    expect(stdout).toContain(`homeveil check ${source}`);
    expect(stdout).not.toContain('npm link');
    expect(readFileSync(source, 'utf8')).not.toContain(`my-${kind}`);
  });

  test('what it writes passes its check and its test as it is, and runs', async () => {
    const check = await homeveilHere('check', source);
    expect(check.stdout).toContain('a-first keeps the contract');
    expect(check.status).toBe(0);
    execFileSync(process.execPath, ['--test', join(folder, 'a-first.test.mjs')], { stdio: 'pipe' });
    const asked = {
      defense: ['--defense', 'a-first'],
      attack: ['a-first', '--defense', 'none'],
      view: ['--view', 'a-first', '--defense', 'none'],
    };
    const run = await homeveilHere(
      'bench',
      '--plugin',
      source,
      ...small,
      ...asked[kind],
      '--out',
      join(folder, 'out'),
      '--json',
    );
    expect(run.stderr).toBe('');
    const { spec, cells }: Result = JSON.parse(run.stdout);
    expect(spec.plugins).toEqual([{ path: source, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    if (kind === 'view') expect(spec.view.name).toBe('a-first');
    const cell = kind === 'view' ? cells[0]! : cells.find((one) => one[kind] === 'a-first')!;
    expect(cell.identification.accuracy).toBeGreaterThan(0);
    if (kind === 'defense') expect(cell.cost.addedDelay.p95).toBeCloseTo(0.1, 1);
    const report = readFileSync(join(folder, 'out', 'report.html'), 'utf8');
    expect(report).toContain(`--plugin ${source}`);
    expect(report).toContain(spec.plugins[0]!.sha256);
  });

  test('never overwrites', () => {
    writeFileSync(source, 'mine');
    const { stderr, status } = homeveil('new', kind, 'a-first', ...more, '--dir', folder);
    expect(status).toBe(2);
    expect(stderr).toBe(`homeveil: ${source}: expected a new name, found a file; nothing was written\n`);
    expect(readFileSync(source, 'utf8')).toBe('mine');
  });
});

test('homeveil new says how Node finds homeveil where it does not', async () => {
  const { stdout } = await homeveilHere('new', 'defense', 'first', '--dir', temporaryFolder());
  expect(stdout).toContain(`npm link ${root.replace(/\/$/, '')}`);
});

test('homeveil new says that only attacks answer about something', async () => {
  const folder = temporaryFolder();
  const { status, stderr } = await homeveilHere('new', 'view', 'first', '--per', 'window', '--dir', folder);
  expect([status, stderr]).toEqual([2, 'homeveil: --per is for attacks, found new view\n']);
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  ['My-Defense', 'expected lower-case words joined by hyphens'],
  ['1st', 'expected lower-case words joined by hyphens'],
  ['../out', 'expected lower-case words joined by hyphens'],
  ['pad', 'a built-in defense has this name'],
])('homeveil new refuses the name %s', async (name, text) => {
  const folder = temporaryFolder();
  const { status, stdout, stderr } = await homeveilHere('new', 'defense', name, '--dir', folder);
  expect([stdout, stderr]).toEqual(['', expect.stringMatching(/^homeveil: [^\n]*\n$/)]);
  expect(stderr).toContain(text);
  expect([status, readdirSync(folder)]).toEqual([2, []]);
});

describe('a defense that breaks its contract', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'broken.ts');
  await homeveilHere('new', 'defense', 'broken', '--dir', folder);
  const text = readFileSync(path, 'utf8');

  test('fails its check with what was found, under what, and what is demanded', async () => {
    writeFileSync(path, text.replace('of held)', 'of held.reverse())'));
    const { stdout, stderr, status } = await homeveilHere('check', path, '--sets', '20');
    expect([status, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(
      /^FAILED +keeps-the-order-of-flows\n +packet \d+ was delivered before an earlier one of its flow\n +with broken; traffic of a home; seed 1\n +demanded: /m,
    );
    expect(stdout).toMatch(/^broken does not keep the contract: \d+ ok, 2 FAILED, \d not checked$/m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const [report] = JSON.parse((await homeveilHere('check', path, '--sets', '20', '--json')).stdout);
    expect(report).toMatchObject({ kind: 'defense', name: 'broken', passed: false });
  });

  test('ends a run in one line that names it', () => {
    writeFileSync(path, text.replace('for (const p of held)', 'for (const p of held.first)'));
    const out = join(folder, 'out');
    // A module that was loaded stays: this process would not see what is new in the file.
    const run = homeveil('bench', '--plugin', path, ...small, '--defense', 'broken', '--out', out);
    expect(run.stderr).toMatch(
      /^homeveil: defense broken \(.*broken\.ts\): TypeError: [^\n]* \(broken\.ts:\d+:\d+\)\n$/,
    );
    expect([run.status, existsSync(out)]).toEqual([1, false]);
  });
});

describe('homeveil check', () => {
  test('checks what is built in, with parameters, and several in a row', async () => {
    const { stdout, status } = await homeveilHere(
      ...['check', '--sets', '5', '--defense', 'pad:rule=linear', '--defense', 'pad+jitter'],
      ...['--attack', 'random-forest:trees=3', '--json'],
    );
    expect(status).toBe(0);
    const reports: { name: string; checks: { name: string; detail: { trials: number } }[] }[] = JSON.parse(stdout);
    expect(reports.map(({ name }) => name)).toEqual(['pad', 'pad+jitter', 'random-forest']);
  });

  test.each([
    [['check'], 'expected something to check'],
    [['check', '--defense', 'padd'], 'did you mean "pad"?'],
    [['check', '--defense', 'pad:size=1'], 'defense pad: size'],
    [['check', '--defense', 'pad', '--sets', '1.5'], '--sets: expected a whole number'],
    [['check', './absent.ts'], 'there is no such file'],
  ])('%j is refused in one line', async (args, text) => {
    const { status, stdout, stderr } = await homeveilHere(...args);
    expect([stdout, stderr]).toEqual(['', expect.stringMatching(/^homeveil: [^\n]*\n$/)]);
    expect(stderr).toContain(text);
    expect(status).toBe(2);
  });
});

test('list and schema know plug-ins too', async () => {
  const folder = temporaryFolder();
  await homeveilHere('new', 'defense', 'first', '--dir', folder);
  await homeveilHere('new', 'view', 'second', '--dir', folder);
  const plugin = ['--plugin', join(folder, 'first.ts'), join(folder, 'second.ts')];
  const print = async (...args: string[]) => (await homeveilHere(...args)).stdout;
  expect(await print('list', 'defenses', ...plugin)).toMatch(/^first\n {2}Holds packets/m);
  expect(await print('list', 'views', ...plugin)).toMatch(/^second\n {2}Outside the gateway/m);
  const schema = await print('schema', ...plugin);
  expect(schema).toContain('"const": "first"');
  expect(schema).toContain('"const": "second"');
  expect(await print('schema')).not.toContain('"const": "first"');
});
