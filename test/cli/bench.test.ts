import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Result } from '../../src/result/result.js';
import { needs, noShared, sharedPath } from '../support/needs.js';
import { homeveil, homeveilHere, shellCode, startHomeveil, temporaryFolder } from '../support/run-cli.js';

const tiny = ['--minimum-packets', '20', '--attack', 'random-forest:trees=5'];
const small = ['--hours', '0.3', ...tiny];

/** A result without what may differ between two runs of the same spec: the times. */
function withoutTimes(result: Result) {
  return { ...result, cells: result.cells.map(({ seconds: _, ...cell }) => cell) };
}

test('a run leaves a result and a report, and prints a table that fits 80 columns', () => {
  const out = temporaryFolder();
  const defenses = ['--defense', 'none', '--defense', 'pad:rule=mtu+jitter'];
  const run = homeveil('bench', '--hours', '0.5', ...tiny, '--out', out, ...defenses);
  expect(run.stderr).toBe('');
  expect(run.status).toBe(0);
  expect(readdirSync(out).sort()).toEqual(['report.html', 'result.json']);
  for (const line of run.stdout.split('\n')) {
    if (!line.includes(out)) expect(line.length).toBeLessThanOrEqual(80);
  }
  for (const word of ['defense', 'static', 'adaptive', 'drop', 'chance', 'majority', 'bandwidth', 'delay p95']) {
    expect(run.stdout).toContain(word);
  }
  const result: Result = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
  expect(result.schemaVersion).toBe(1);
  expect(result.dataset.synthetic).toBe(true);
  expect(result.cells.map((cell) => [cell.defense, cell.adversary])).toEqual([
    ['none', 'static'],
    ['none', 'adaptive'],
    ['pad:rule=mtu+jitter', 'static'],
    ['pad:rule=mtu+jitter', 'adaptive'],
  ]);
  const [none, , , padded] = result.cells;
  expect(none!.cost).toMatchObject({ bandwidthOverhead: 0, packetOverhead: 0, megabytesPerDay: 0, dropped: 0 });
  expect(none!.cost.addedDelay.max).toBe(0);
  expect(padded!.cost.bandwidthOverhead).toBeGreaterThan(0);
  expect(padded!.cost.addedDelay.p95).toBeGreaterThan(0);
  expect(padded!.cost.packetOverhead).toBe(0);
  expect(result.summary.map((row) => row.defense)).toEqual(['none', 'pad:rule=mtu+jitter']);
  expect(result.summary[1]!.dropLow!).toBeLessThanOrEqual(result.summary[1]!.drop!);
  expect(result.metrics!.map((metrics) => metrics.defense)).toEqual(['none', 'pad:rule=mtu+jitter']);
  const [bare, hidden] = result.metrics!;
  expect(hidden!.mutualInformation.length).toBeLessThan(bare!.mutualInformation.length!);
  expect(hidden!.mutualInformation.interval).toBeLessThan(bare!.mutualInformation.interval!);
  expect(hidden!.accuracyBound).toBeLessThan(bare!.accuracyBound!);
  for (const { identification, presence } of result.cells) {
    expect(Object.keys(presence!.perDevice)).toEqual(Object.keys(identification.perDevice));
    const scored = identification.confusion.flat().reduce((sum, n) => sum + n, 0);
    const support = Object.values(identification.perDevice).reduce((sum, device) => sum + device.support, 0);
    expect(scored).toBe(support);
    expect(identification.accuracyLow!).toBeLessThanOrEqual(identification.accuracy);
    expect(identification.accuracyHigh!).toBeGreaterThanOrEqual(identification.accuracy);
  }
});

test('the same seed gives the same result whatever the threads, another seed another one', async () => {
  const run = async (...more: string[]): Promise<Result> =>
    JSON.parse(
      (await homeveilHere('bench', ...small, '--out', temporaryFolder(), '--json', '--defense', 'jitter', ...more))
        .stdout,
    );
  const first = await run('--threads', '1');
  expect(withoutTimes(await run('--threads', '2'))).toEqual(withoutTimes(first));
  const other = await run('--seed', '2');
  expect(other.dataset.sha256).not.toBe(first.dataset.sha256);
});

test('captures made by the synthetic home give what the home itself gives', async () => {
  const folder = temporaryFolder();
  const [pcap, labels] = [join(folder, 'home.pcap'), join(folder, 'home.csv')];
  expect((await homeveilHere('home', '--hours', '0.3', '--seed', '1', '--out', pcap, '--labels', labels)).status).toBe(
    0,
  );
  const bench = async (...from: string[]): Promise<Result> => {
    const run = await homeveilHere(
      'bench',
      ...from,
      ...tiny,
      '--defense',
      'none',
      '--json',
      '--out',
      join(folder, 'out'),
    );
    expect(run.stderr).toBe('');
    return JSON.parse(run.stdout);
  };
  const synthetic = await bench('--hours', '0.3');
  const captured = await bench('--data', pcap, '--labels', labels);
  expect(captured.dataset.packets).toBe(synthetic.dataset.packets);
  expect(captured.dataset.devices).toEqual(synthetic.dataset.devices);
  const accuracy = (result: Result) => result.cells[0]!.identification.accuracy;
  expect(Math.abs(accuracy(captured) - accuracy(synthetic))).toBeLessThan(0.02);
});

test('a run that is interrupted leaves nothing behind', async () => {
  const out = join(temporaryFolder(), 'out');
  const child = startHomeveil('bench', '--hours', '12', '--out', out);
  await setTimeout(3000);
  child.kill('SIGINT');
  expect(await shellCode(child)).toBe(130);
  expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
});

test('an older result stays where a new run fails', () => {
  const out = temporaryFolder();
  writeFileSync(join(out, 'result.json'), 'old');
  const run = homeveil('bench', '--data', join(out, 'absent'), '--labels', 'file', '--out', out);
  expect(run.status).toBe(1);
  expect(readFileSync(join(out, 'result.json'), 'utf8')).toBe('old');
});

test.each([
  [2, ['bench', '--defense', 'padd'], 'no defense is called "padd" (did you mean "pad"?)'],
  [2, ['bench', '--defense', 'pad:rule=mtu', '--view', 'lan', '--defense', 'vpn'], 'tunnel'],
  [2, ['bench', '--labels', 'file'], '--labels needs captures'],
  [2, ['bench', '--speed', '20'], '--speed is for live traffic'],
  [2, ['bench', '--live', '--capacity', '3'], '--capacity does not go with --live'],
  [2, ['bench', '--live', '--defense', 'pad'], 'defense pad: cannot run live'],
  [2, ['bench', '--dfeense', 'none'], 'dfeense'],
  [2, ['bench', '--seeds', 'many'], '--seeds'],
  [2, ['bench', '--seed', '1', '--seed', '2'], '--seed'],
  [2, ['bench', '--threads', '0'], '--threads'],
  [2, ['bnech'], 'bench'],
  [2, [], 'expected a command'],
  [2, ['list', 'attack'], 'attacks'],
  [1, ['bench', '--data', '/nowhere/at/all', '--labels', 'file'], '/nowhere/at/all'],
  [1, ['bench', '--data', import.meta.dirname, '--labels', 'file'], 'capture'],
  [1, ['inspect', '/nowhere.pcap'], '/nowhere.pcap'],
])('exit code %i and one line for %j', async (code, args, text) => {
  const run = await homeveilHere(...args);
  expect(run.stderr).toContain(text);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(run.stderr).toMatch(/^homeveil: /);
  expect(run.status).toBe(code);
  expect(run.stdout).toBe('');
});

needs(noShared('cases/15-wifi-encrypted-frames')).test(
  'encrypted Wi-Fi is measured in the lan view; another view refuses it in one line',
  async () => {
    const [air, labels] = ['air.pcap', 'labels.csv'].map((name) =>
      sharedPath(`cases/15-wifi-encrypted-frames/${name}`),
    );
    const run = (view: string) => {
      const out = temporaryFolder();
      const data = [
        '--data',
        air!,
        '--labels',
        labels!,
        '--window',
        '10',
        ...tiny,
        '--defense',
        'none',
        '--adversary',
        'static',
      ];
      return homeveilHere('bench', ...data, '--view', view, '--out', out).then((ran) => ({ ...ran, out }));
    };
    const { status, out } = await run('lan');
    expect(status).toBe(0);
    const result: Result = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
    expect(result.dataset.ingest).toEqual({ read: 120, kept: 120, dropped: {} });
    // Lengths and directions of the two devices have nothing in common but what goes to them.
    expect(result.cells[0]!.identification.accuracy).toBeGreaterThan(0.9);
    expect(await run('napt')).toMatchObject({
      status: 1,
      stderr:
        'homeveil: view napt: none of 120 packets shows an IP address, as in encrypted Wi-Fi, so none is known to cross the gateway; use the view lan\n',
    });
  },
);
