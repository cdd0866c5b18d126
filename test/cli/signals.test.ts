import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { homeveil, shellCode, temporaryFolder, watchHomeveil } from '../support/run-cli.js';

const index = new URL('../../dist/src/index.js', import.meta.url).href;
const home = temporaryFolder();
const [capture, labels] = [join(home, 'home.pcap'), join(home, 'labels.csv')];
homeveil('home', '--hours', '0.5', '--out', capture, '--labels', labels);

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

/** A defense that never comes back from its first packet, and says in a file beside it that it is there. */
const endless = join(home, 'my-defense.mjs');
const begun = `${endless}.begun`;
const template = readFileSync(fileURLToPath(new URL('../../templates/my-defense.ts', import.meta.url)), 'utf8');
writeFileSync(
  endless,
  template
    .replace(
      /^(import .*\n)+/,
      `import { writeFileSync } from 'node:fs';\nimport { defineDefense, z } from '${index}';\n`,
    )
    .replace('let held: PacketRef[] = [];', 'let held = [];')
    .replace('packet(p, link) {', `packet(p, link) {\n        writeFileSync('${begun}', '');\n        for (;;);`),
);

/** Each of them computes for minutes without a pause. */
const COMMANDS: readonly (readonly [string, (out: string) => string[]])[] = [
  ['generating a home', (out) => ['home', '--hours', '5000', '--out', join(out, 'home.pcap')]],
  [
    'a simulation',
    (out) => [
      ...['defend', capture, join(out, 'out.arrow'), '--labels', labels],
      ...['--plugin', endless, '--defense', 'my-defense'],
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
  rmSync(begun, { force: true });
  const args = ['--hours', '0.5', '--minimum-packets', '5', '--plugin', endless, '--defense', 'my-defense'];
  const { child, printed } = watchHomeveil('bench', ...args, '--threads', '1', '--out', temporaryFolder());
  while (!existsSync(begun)) await setTimeout(50);
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
