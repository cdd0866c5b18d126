import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ethernet, GATEWAY, ipv4, pcap, tcp } from '../support/fixtures.js';
import { homeveil, homeveilHere, temporaryFolder } from '../support/run-cli.js';

/** Hostile names that could act on a terminal, and the part of each that must not get there. */
const HOSTILE = {
  colour: '\x1b[31mred',
  link: '\x1b]8;;https://evil.example\x1b\\x',
  clipboard: '\x1b]52;c;cm0gLXJmIH4=\x07',
  bell: 'ding\x07',
  'carriage return': 'a\rhomeveil: all is well',
  'control sequence of C1': '\u009b2Jx',
  'string of C1': '\u009d0;title\u009c',
  'turned text': 'photo\u202egnp.exe',
  'no width': 'a\u200bb',
};
const UNSEEN = /(?!\n)[\p{Cc}\u200b\u202a-\u202e\u2066-\u2069]/u;

const folder = temporaryFolder();
const out = ethernet(0x0800, ipv4(6, tcp(50000, 443)));
const back = ethernet(0x0800, ipv4(6, tcp(443, 50000), { from: '93.184.216.34', to: '10.0.0.2' }), {
  from: GATEWAY,
  to: '02:00:00:00:00:0a',
});
const capture = pcap([out, back].map((data, i) => ({ data, seconds: 1_600_000_000 + i })));

describe.each(Object.entries(HOSTILE))('%s', (what, text) => {
  const clean = what.replaceAll(' ', '-');
  test.each<[string, () => string[]]>([
    ['an argument', () => ['bench', '--defense', text]],
    ['an unknown option', () => ['inspect', `--${text}`, 'x']],
    ['a file that is not there', () => ['inspect', join(folder, text)]],
    ['an interface', () => ['watch', '-i', text, '--model', 'none']],
    ['a plug-in', () => ['list', '--plugin', `./${text}.ts`]],
    [
      'the name of a file that is read',
      () => {
        const path = join(folder, `${text.replaceAll('/', '|')}.pcap`);
        writeFileSync(path, capture);
        return ['inspect', path];
      },
    ],
    [
      'a device',
      () => {
        const [path, labels] = [join(folder, 'home.pcap'), join(folder, `${clean}.csv`)];
        writeFileSync(path, capture);
        writeFileSync(labels, `mac,device,category\n02:00:00:00:00:0a,"${text}",iot\n`);
        return ['inspect', path, '--labels', labels];
      },
    ],
    [
      'the same as JSON',
      () => ['inspect', join(folder, 'home.pcap'), '--labels', join(folder, `${clean}.csv`), '--json'],
    ],
    [
      'a configuration',
      () => {
        const path = join(folder, 'study.yaml');
        writeFileSync(path, JSON.stringify({ [text]: 1 }));
        return ['bench', path];
      },
    ],
    [
      'a folder of captures',
      () => {
        const path = join(folder, text.replaceAll('/', '|'));
        mkdirSync(path, { recursive: true });
        writeFileSync(join(path, 'broken.pcap'), 'no capture');
        return ['inspect', path];
      },
    ],
  ])('as %s never reaches the terminal', async (_, args) => {
    const { stdout, stderr } = await homeveilHere(...args());
    expect(stdout + stderr).not.toBe('');
    expect(stdout + stderr).not.toMatch(UNSEEN);
  });
});

test('nor in a process of its own; an error that quotes it is one line', () => {
  const run = homeveil('inspect', join(folder, 'none\x1b]52;c;eA==\x07\nhomeveil: all is well'));
  expect(run.status).toBe(1);
  expect(run.stderr).toMatch(/^homeveil: [^\n]*none\\u001b\]52;c;eA==\\u0007 homeveil: all is well[^\n]*\n$/);
});
