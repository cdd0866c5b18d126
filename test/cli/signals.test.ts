import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { homeveil, shellCode, temporaryFolder, watchHomeveil } from './run-cli.js';

const home = temporaryFolder();
const [capture, labels] = [join(home, 'home.pcap'), join(home, 'labels.csv')];
homeveil('home', '--hours', '0.5', '--out', capture, '--labels', labels);

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

/** Each of them computes for minutes without a pause. */
const COMMANDS: readonly (readonly [string, (out: string) => string[]])[] = [
  ['generating a home', (out) => ['home', '--hours', '5000', '--out', join(out, 'home.pcap')]],
  [
    'a simulation',
    (out) => [
      'defend',
      capture,
      join(out, 'out.arrow'),
      '--labels',
      labels,
      '--defense',
      'constant-rate:interval=0.00002',
    ],
  ],
  [
    'a forest fit',
    (out) => ['bench', '--hours', '12', '--threads', '1', '--defense', 'none', '--out', join(out, 'report')],
  ],
  ['the training of a forest', (out) => ['train', '--hours', '12', '--threads', '2', '--out', join(out, 'model')]],
];

test.concurrent.each(COMMANDS)(
  '%s ends with the first SIGINT or SIGTERM and leaves nothing',
  async (_, argsOf) => {
    for (const [signal, code] of SIGNALS) {
      const out = temporaryFolder();
      const { child, printed } = watchHomeveil(...argsOf(out));
      await setTimeout(6000);
      expect(child.exitCode, printed.stderr).toBeNull();
      const killed = setTimeout(10_000).then(() => 'needs SIGKILL');
      const ended = shellCode(child);
      child.kill(signal);
      const result = await Promise.race([ended, killed]);
      child.kill('SIGKILL');
      expect(result).toBe(code);
      expect(readdirSync(out)).toEqual([]);
    }
  },
  60_000,
);

test('Ctrl-C says that it was heard before the run has ended', async () => {
  const { child, printed } = watchHomeveil('bench', '--hours', '12', '--threads', '1', '--out', temporaryFolder());
  await setTimeout(5000);
  const ended = shellCode(child);
  child.kill('SIGINT');
  expect([await ended, printed.stderr]).toEqual([130, 'homeveil: interrupted; nothing is written\n']);
}, 30_000);

test('a command in a thread of its own prints all of a long answer and gives its exit code', () => {
  const long = homeveil('inspect', capture, '--json');
  expect(JSON.parse(long.stdout).files).toHaveLength(1);
  const none = homeveil('inspect', labels);
  expect([none.status, none.stdout]).toEqual([1, '']);
  expect(none.stderr).toMatch(/^homeveil: .*labels\.csv: expected a pcap/);
  expect(homeveil('bench', '--seeds', '0').status).toBe(2);
});
