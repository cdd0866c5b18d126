import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { needs, noProgram } from '../support/needs.js';
import { homeveil, homeveilHere, temporaryFolder } from '../support/run-cli.js';

test.each<[string[], RegExp]>([
  [[], /^homeveil: expected a command; see homeveil --help\n$/],
  [['benhc'], /^homeveil: unknown command "benhc" \(did you mean "bench"\?\); there is bench, report, /],
  [['bench', '--defence', 'none'], /unknown option --defence \(did you mean "--defense"\?\)/],
  [['bench', '--defence=none'], /unknown option --defence \(did you mean "--defense"\?\)/],
  [['bench', '--jobs', '-1'], /unknown option --jobs\n$/],
  [['list', 'defences'], /<kind>: expected attacks, defenses or views, found "defences" \(did you mean "defenses"\?\)/],
  [['new', 'defens', 'x'], /<kind>: expected defense, attack or view, found "defens" \(did you mean "defense"\?\)/],
  [['schema', 'nois'], /<of>: expected study, result or noise, found "nois" \(did you mean "noise"\?\)/],
  [['tunnel', 'keyegn'], /unexpected argument "keyegn" \(did you mean "keygen"\?\)/],
  [['home', 'fitt'], /unexpected argument "fitt" \(did you mean "fit"\?\)/],
  [['defend'], /expected <in> and <out>; see homeveil defend --help/],
  [['defend', 'a.pcap'], /expected <out>; see homeveil defend --help/],
  [['inspect'], /expected <files\.\.>; see homeveil inspect --help/],
  [['tunnel', 'keygen'], /expected <file>; see homeveil tunnel keygen --help/],
  [['identify', 'a.pcap'], /expected --model; see homeveil identify --help/],
  [['tunnel'], /expected --listen and --key and --defense; see homeveil tunnel --help/],
  [['defend', 'a', 'b', 'c', '--defense', 'none'], /unexpected argument "c"/],
  [['bench', '--out'], /--out: expected a value, found none/],
  [['bench', '--out', '--json'], /--out: expected a value, found none/],
  [['bench', '--seeds'], /--seeds: expected a value, found none/],
  [['bench', '--data', '--labels', 'x'], /--data: expected a value, found none/],
  [['bench', '--out', ''], /--out: expected a value, found ""/],
  [['bench', '--out='], /--out: expected a value, found ""/],
  [['bench', '--data', ''], /--data: expected a value, found ""/],
  [['inspect', ''], /<files>: expected a value, found ""/],
  [['bench', '--out', 'a', '--out', 'b'], /--out is given twice; expected it once/],
  [['capture', '-i', 'a', '--interface', 'b'], /--interface is given twice/],
  [['bench', '--seeds', 'abc'], /--seeds: expected a number, found "abc"/],
  [['bench', '--hours', 'x'], /--hours: expected a number, found "x"/],
  [['bench', '--hours=1h'], /--hours: expected a number, found "1h"/],
  [['bench', '--hours', 'Infinity'], /--hours: expected a number, found "Infinity"/],
  [['bench', '--window', '1e9'], /--window: expected a whole number, from 2 to 65535, found 1000000000/],
  [['bench', '--threads', '0'], /--threads: expected a whole number, from 1 to 1024, found 0/],
  [['bench', '--seed', '-1'], /--seed: expected a whole number, at least 0, found -1/],
  [['bench', '--memory', 'lots', '--dry-run'], /--memory: expected a size such as 100MB or 4GB, found "lots"/],
  [['identify', 'x', '--model', 'y', '--over-time', 'abc'], /--over-time: expected a number, found "abc"/],
  [['bench', '--split', 'tiem'], /--split: expected auto, time or file, found "tiem" \(did you mean "time"\?\)/],
  [['bench', '--mix', 'nonsense'], /--mix: expected single, home, flow or remote, found "nonsense"/],
  [['bench', '--port', 'x'], /--port: expected service or destination, found "x"/],
  [['noise', '--for', 'soon', '--dry-run'], /--for: expected a time such as 90s, 10m or 2h, found "soon"/],
  [['bench', '--plugin', 'a.ts', 'b.ts'], /--plugin a\.ts: there is no such file/],
  [['bench', 'b.ts'], /b\.ts: expected a study in YAML or JSON, found a plug-in; --plugin b\.ts loads it/],
  [['completion', 'fish'], /completion: expected bash or zsh, found "fish"/],
])('%j', async (args, message) => {
  const { status, stdout, stderr } = await homeveilHere(...args);
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^homeveil: [^\n]*\n$/);
  expect([status, stdout]).toEqual([2, '']);
});

test('what is right is not refused', async () => {
  for (const args of [
    ['tunnel', 'keygen', join(temporaryFolder(), 'key')],
    ['list', 'views', '--json'],
    ['list', '--json', 'views'],
    ['list', '--json=true', 'views'],
    ['schema', 'noise'],
    ['bench', '--no-quick', '--dry-run', '--json', '--defense', 'none', 'pad:rule=mtu', '--seed=7', '--hours', '.5'],
  ]) {
    expect(await homeveilHere(...args)).toMatchObject({ status: 0, stderr: '' });
  }
});

test('the language of the system does not matter', () => {
  const { LANG, LC_ALL } = process.env;
  Object.assign(process.env, { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8' });
  try {
    expect(homeveil('bench', '--help').stdout).toContain('Options:');
  } finally {
    for (const [name, value] of Object.entries({ LANG, LC_ALL })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test('--plugin takes the plug-ins that follow it', async () => {
  const folder = temporaryFolder();
  const files = ['one', 'two'].map((name) => {
    const path = join(folder, `${name}.mjs`);
    const defense = `{ name: '${name}', summary: 's', source: 's', parameters: z.object({}), scope: 'home', removedAt: 'nowhere', create() {} }`;
    writeFileSync(path, `import { z } from 'homeveil';\nexport default ${defense};\n`);
    return path;
  });
  const { stdout } = await homeveilHere('list', 'defenses', '--json', '--plugin', ...files);
  const names = JSON.parse(stdout).defenses.map(({ name }: { name: string }) => name);
  expect(names.slice(-2)).toEqual(['one', 'two']);
});

needs(noProgram('bash')).test('bash completes commands, options, and names of defenses', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'bin'));
  symlinkSync(fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url)), join(folder, 'bin', 'homeveil'));
  const script = `
source <(node ${folder}/bin/homeveil completion bash)
homeveil() { node ${folder}/bin/homeveil "$@"; }
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _homeveil_yargs_completions; echo "\${COMPREPLY[@]}"; }
try homeveil list def
try homeveil bench --defense fr`;
  const env = { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}` };
  const lines = execFileSync('bash', ['-c', script], { encoding: 'utf8', env }).trim().split('\n');
  expect(lines).toEqual(['defenses', 'front']);
});

test.each<[string[], string]>([
  [['ide'], 'identify'],
  [['bench', '--minimum'], '--minimum-packets'],
  [['bench', '--defense', 'pad+ji'], 'pad+jitter'],
  [['bench', '--attack', 'ran'], 'random-forest'],
  [['bench', '--view', ''], 'vpn'],
  [['bench', '--split', ''], 'time'],
  [['list', ''], 'attacks'],
  [['tunnel', ''], 'keygen'],
])('%j is completed', async (words, found) => {
  const { SHELL } = process.env;
  process.env.SHELL = '/bin/bash';
  try {
    const { status, stdout, stderr } = await homeveilHere('--get-yargs-completions', 'homeveil', ...words);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toContain(found);
    expect(stdout).not.toContain('$0');
  } finally {
    if (SHELL === undefined) delete process.env.SHELL;
    else process.env.SHELL = SHELL;
  }
});

test('zsh gets a script of its own', async () => {
  const { SHELL } = process.env;
  const { stdout } = await homeveilHere('completion', 'zsh');
  if (SHELL === undefined) delete process.env.SHELL;
  else process.env.SHELL = SHELL;
  expect(stdout).toMatch(/^#compdef homeveil\n/);
});

test('the help on completion is help, not the script', async () => {
  const { status, stdout } = await homeveilHere('completion', '--help');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^homeveil <command>\n/);
  expect(stdout).toContain('completion [bash|zsh]');
});
