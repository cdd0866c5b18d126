import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import yargs from 'yargs';
import bench from '../../src/cli/bench.js';
import { requestOf } from '../../src/cli/data-options.js';
import { type BenchRequest, resolveSpec } from '../../src/harness/spec.js';
import { benchCommand } from '../../src/result/command.js';
import { benchRequest } from '../../src/result/request.js';
import type { ResolvedSpec } from '../../src/result/result.js';
import { makeResult } from '../support/make-result.js';

const { spec } = makeResult();

/** The words that a shell makes of the command. */
function words(changed: Partial<ResolvedSpec>): string[] {
  const command = benchCommand({ ...spec, ...changed }).join(' \\\n  ');
  const printed = execFileSync('sh', ['-c', command.replace('homeveil bench', "printf '%s\\n'")], { encoding: 'utf8' });
  return printed.trimEnd().split('\n');
}

describe('the command that makes a run again', () => {
  test('writes out every option', () => {
    expect(words({ defenses: spec.defenses.slice(0, 2), seeds: 3, capacity: 10e6 })).toEqual([
      ...['--data', 'captures/home one', '--labels', 'labels.csv', '--split', 'time', '--train-share', '0.6'],
      ...['--view', 'napt', '--attack', 'random-forest', '--attack', 'size-histogram'],
      ...['--defense', 'none', '--defense', 'pad:rule=mtu', '--adversary', 'static', '--adversary', 'adaptive'],
      ...[
        '--mix',
        'home',
        '--observer',
        'paper',
        '--seeds',
        '3',
        '--seed',
        '1',
        '--window',
        '100',
        '--stride',
        '50',
        '--port',
        'service',
      ],
      ...['--minimum-packets', '100', '--capacity', '10'],
    ]);
  });

  test('survives the shell, whatever a path is called', () => {
    const paths = ["it's", '$(touch x)', '-o', 'a\\b', '*', 'ünï'];
    const given = words({ data: { kind: 'captures', paths, labels: 'folder', train: null, test: null } });
    expect(given.slice(0, 11)).toEqual([
      ...['--data', "it's", '--data', '$(touch x)', '--data=-o', '--data', 'a\\b', '--data', '*', '--data', 'ünï'],
    ]);
  });

  test('loads the plug-ins again, in their order', () => {
    const plugins = ['./b c.ts', 'homeveil-more'].map((path) => ({ path, sha256: '00' }));
    expect(words({ plugins }).slice(0, 4)).toEqual(['--plugin', './b c.ts', '--plugin', 'homeveil-more']);
  });

  test('knows the synthetic home, given train and test captures, and a limit to what is trained on', () => {
    const home = words({ data: { kind: 'synthetic', hours: 2, seed: 1 }, maximumTrainPackets: 100_000 });
    expect([home.slice(0, 2), home.slice(-2)]).toEqual([
      ['--hours', '2'],
      ['--maximum-train-packets', '100000'],
    ]);
    const apart = words({
      data: { kind: 'captures', paths: ['a', 'b'], labels: 'folder', train: ['a'], test: ['b'] },
      split: { by: 'paths', train: null },
    });
    expect(apart.slice(0, 6)).toEqual(['--train', 'a', '--test', 'b', '--labels', 'folder']);
    expect(apart).not.toContain('--split');
  });

  test.each<[string, BenchRequest]>([
    ['everything by default', {}],
    ['transfer', { adversaries: ['static', 'transfer'] }],
    ['a quick run', { quick: true, seed: 7, seeds: 2, adversaries: ['adaptive'] }],
    [
      'captures',
      {
        data: ['a b.pcap', 'c'],
        labels: 'labels.csv',
        trainShare: 0.5,
        view: 'vpn',
        mix: 'single',
        defenses: ['none', 'pad:rule=mtu+jitter'],
        window: 50,
        port: 'destination',
        capacity: 12.5,
      },
    ],
    ['captures with copies', { data: ['a'], labels: 'file', duplicates: 'keep' }],
    ['an open world', { unknown: ['lock hub', '-x', '9'] }],
    ['an open world of so many devices', { unknown: 2, seeds: 3 }],
    ['captures given apart', { train: ['a'], test: ['b', 'c'], labels: 'folder' }],
  ])('asks for the same specification again: %s', async (_, request) => {
    const spec = resolveSpec(request);
    const given = await yargs(['bench', ...words(spec)])
      .command({ ...bench, handler: () => {} })
      .strict()
      .parse();
    expect(resolveSpec(requestOf(given, benchRequest))).toEqual(spec);
  });
});
