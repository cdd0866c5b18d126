import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { CommandModule } from 'yargs';
import { root } from '../harness/environment.js';
import { builtIns } from '../harness/plugins/registry.js';
import { UsageError } from '../shared/errors.js';
import { checkWritable, writeFileAtomic } from '../shared/files.js';
import { isKebabCase } from '../shared/parameters.js';

const KINDS = ['defense', 'attack', 'view'] as const;

const BUILT_IN = { defense: builtIns.defenses, attack: builtIns.attacks, view: builtIns.views };

const BENCH = {
  defense: (name: string) => `--defense none ${name}`,
  attack: (name: string) => `--attack random-forest ${name} --defense none pad:rule=mtu`,
  view: (name: string) => `--view ${name} --defense none vpn-shaping`,
};

/** The unit that a new attack answers about. */
const UNITS = ['packet', 'window'] as const;

interface NewOptions {
  kind: (typeof KINDS)[number];
  name: string;
  per?: (typeof UNITS)[number];
  dir: string;
}

const command: CommandModule<object, NewOptions> = {
  command: 'new <kind> <name>',
  describe: 'Write a defense, an attack or a view to begin with, and a test of it',
  builder: (yargs) =>
    yargs
      .positional('kind', { choices: KINDS, demandOption: true, describe: 'What to write' })
      .positional('name', { type: 'string', demandOption: true, describe: 'Lower-case words joined by hyphens' })
      .option('per', { choices: UNITS, describe: 'What an attack answers about  [packet]' })
      .option('dir', { type: 'string', default: '.', describe: 'Folder to write into' })
      .example('$0 new defense my-defense', 'my-defense.ts and my-defense.test.mjs')
      .example('$0 new attack my-attack --per window', 'an attack that judges windows'),
  handler: ({ kind, name, per, dir }) => {
    checkName(kind, name);
    if (per !== undefined && kind !== 'attack') throw new UsageError(`--per is for attacks, found new ${kind}`);
    const template = per === 'window' ? `my-window-${kind}` : `my-${kind}`;
    const files = ['.ts', '.test.mjs'].map((ending) => ({
      path: join(dir, `${name}${ending}`),
      text: readTemplate(template, ending).replaceAll(`my-${kind}`, name),
    }));
    const taken = files.find(({ path }) => existsSync(path));
    if (taken) throw new UsageError(`${taken.path}: expected a new name, found a file; nothing was written`);
    for (const { path } of files) checkWritable(path);
    for (const { path, text } of files) writeFileAtomic(path, text);
    console.log(
      nextSteps(
        kind,
        name,
        dir,
        files.map(({ path }) => path),
      ),
    );
  },
};

export default command;

function checkName(kind: NewOptions['kind'], name: string): void {
  if (!isKebabCase(name)) {
    throw new UsageError(`"${name}": expected lower-case words joined by hyphens, a letter first: my-${kind}`);
  }
  if (BUILT_IN[kind].some((plugin) => plugin.name === name)) {
    throw new UsageError(`"${name}": a built-in ${kind} has this name; expected another`);
  }
}

/** Reads a template. What it holds is called my-defense, my-attack or my-view, and works as it is. */
function readTemplate(template: string, ending: string): string {
  return readFileSync(join(root, 'templates', `${template}${ending}`), 'utf8');
}

function nextSteps(kind: NewOptions['kind'], name: string, dir: string, written: readonly string[]): string {
  const [source, test] = written.map((path) => (path.startsWith('.') || path.startsWith('/') ? path : `./${path}`));
  const lines = [
    ...written,
    '',
    'It works as it is. Then:',
    `  homeveil check ${source}`,
    `  homeveil bench --plugin ${source} ${BENCH[kind](name)} --quick`,
    `  node --test ${test}`,
  ];
  if (!findsHomeveil(dir)) {
    lines.push(
      ...['', 'For node --test and for your editor this folder needs the packages zod and homeveil:'],
      ...['  npm install zod', `  npm link ${root}`],
    );
  }
  return lines.join('\n');
}

/** Tells whether Node finds `homeveil` from the folder. */
function findsHomeveil(dir: string): boolean {
  try {
    createRequire(resolve(dir, 'any.js')).resolve('homeveil');
    return true;
  } catch {
    return false;
  }
}
