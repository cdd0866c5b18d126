import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { homeveil } from './support/run-cli.js';

const folder = fileURLToPath(new URL('../examples/', import.meta.url));

/** Expected output of each example. They import the built package by its name. */
const PRINTED: Record<string, RegExp> = {
  'attack.js': /^random-forest:trees=10: [\d.]+ % .*\nlookup: [\d.]+ % of the packets named right\n$/,
  'capture-to-report.js': /^none: .*\npad:rule=mtu: .*, \d+ % more bytes\nreport: .*report\.html\n$/,
  'defense.js': /^(step \d+: [\d.]+ % more bytes, delay p95 0\.0\d+ s\n){3}$/,
  'study.js': /^# Two views\n(?:.*\n)*\| defense \| synthetic 0.5 h napt \| synthetic 0.5 h vpn \|\n/,
  'view.js': /^napt: [\d.]+ % .*\npppoe: [\d.]+ % of the packets named right\n$/,
  'watch.js': /^((not seen|seen {4}) .*: \d+ packets\n){10,}$/,
};

test('every example is tested', () => {
  expect(readdirSync(folder).filter((name) => name.endsWith('.js'))).toEqual(Object.keys(PRINTED));
});

test.each(Object.entries(PRINTED))('%s runs', { timeout: 180_000 }, (name, printed) => {
  expect(execFileSync(process.execPath, [folder + name], { encoding: 'utf8' })).toMatch(printed);
});

test.each(['defense.js', 'attack.js'])('%s keeps its contract', (name) => {
  const { status, stdout } = homeveil('check', folder + name);
  expect(stdout).toContain('keeps the contract');
  expect(status).toBe(0);
});
