import type { Argv } from 'yargs';
import { checked, whole } from '../result/check.js';
import { anyOf, lowerFirst, suggestion, UsageError } from '../shared/errors.js';

/** Options of the current command as yargs holds them, which its types do not say. */
interface Declared {
  readonly key: Readonly<Record<string, unknown>>;
  readonly alias: Readonly<Record<string, readonly string[]>>;
  readonly array: readonly string[];
  readonly boolean: readonly string[];
  readonly number: readonly string[];
  readonly choices: Readonly<Record<string, readonly unknown[]>>;
  readonly narg: Readonly<Record<string, number>>;
}

/** Options that mean something without a value. */
const BARE = ['over-time'];

/** Ranges of the whole numbers that mean the same in every command. */
const WHOLE: Readonly<Record<string, ReturnType<typeof whole>>> = {
  threads: whole(1, 1024),
  seed: whole(0),
  metrics: whole(0, 65_535),
  periods: whole(1, 10_000),
};

/** One option as it stands on the command line, with the values that follow it. */
interface Given {
  /** As it was written: `--defence`, `-i`. */
  readonly written: string;
  readonly name: string;
  readonly values: readonly string[];
}

/**
 * Holds a command line to the options of its command, in words of our own: yargs names them without dashes, makes NaN of what is no number,
 * a list of what stands twice, and nothing of what is empty.
 * @param words what stands behind the command
 * @param commands what may stand there in place of an argument
 * @param positionals names of the arguments, in their order; one that ends in `..` takes all that follow
 * @throws UsageError for the first that is wrong
 */
function checkArguments(
  words: readonly string[],
  options: Declared,
  { commands, positionals }: { readonly commands: readonly string[]; readonly positionals: readonly string[] },
): void {
  const names = optionNames(options);
  const { given, rest } = scan(words, options, names);
  const seen = new Set<string>();
  for (const { written, name, values } of given) {
    if (!names.has(name)) throw new UsageError(`unknown option ${written}${suggestOption(name, names)}`);
    const main = mainName(name, options);
    const isList = options.array.includes(main);
    if (seen.has(main) && !isList) throw new UsageError(`${written} is given twice; expected it once`);
    seen.add(main);
    if (options.boolean.includes(main)) continue;
    if (values.length === 0 && !BARE.includes(main)) throw new UsageError(`${written}: expected a value, found none`);
    for (const value of values) checkValue(written, value, main, options);
  }
  checkPositionals(rest, positionals, commands, options);
}

function checkValue(written: string, value: string, main: string, options: Declared): void {
  if (value.trim() === '') throw new UsageError(`${written}: expected a value, found "${value}"`);
  if (options.number.includes(main)) numberOf(written, value);
  const type = WHOLE[main];
  if (type) checked(type, Number(value), written);
  checkChoice(written, value, options.choices[main]);
}

/** @throws UsageError, beginning with the option, for what is no number */
export function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new UsageError(`${option}: expected a number, found "${text}"`);
  return value;
}

function checkChoice(written: string, value: string, choices: readonly unknown[] | undefined): void {
  if (choices === undefined || choices.length === 0 || choices.map(String).includes(value)) return;
  const texts = choices.map(String);
  throw new UsageError(`${written}: expected ${anyOf(texts)}, found "${value}"${suggestion(value, texts)}`);
}

function checkPositionals(
  rest: readonly string[],
  positionals: readonly string[],
  commands: readonly string[],
  { choices }: Declared,
): void {
  for (const [i, word] of rest.entries()) {
    const position = positionals[i] ?? positionals.findLast((name) => name.endsWith('..'));
    if (position === undefined) {
      const known = commands.length === 0 ? '' : `; there is ${commands.join(', ')}`;
      throw new UsageError(`unexpected argument "${word}"${suggestion(word, commands)}${known}`);
    }
    const name = position.replace(/\.\.$/, '');
    if (word.trim() === '') throw new UsageError(`<${name}>: expected a value, found "${word}"`);
    checkChoice(`<${name}>`, word, choices[name]);
  }
}

/** Every name that an option can be written with, but those that yargs adds in camel case. */
function optionNames({ key, alias }: Declared): Set<string> {
  const names = [...Object.keys(key), ...Object.values(alias).flat()];
  return new Set(names.filter((name) => !/[A-Z]/.test(name)));
}

function mainName(name: string, { key, alias }: Declared): string {
  const all = Object.entries({ ...Object.fromEntries(Object.keys(key).map((one) => [one, [] as string[]])), ...alias })
    .filter(([main, others]) => main === name || others.includes(name))
    .map(([main]) => main);
  // The type is kept under the option, not under its one-letter alias.
  return all.find((main) => main.length > 1) ?? name;
}

function suggestOption(name: string, names: ReadonlySet<string>): string {
  return suggestion(
    `--${name}`,
    [...names].filter((one) => one.length > 1).map((one) => `--${one}`),
  );
}

/** Takes options apart as yargs does. */
function scan(
  words: readonly string[],
  options: Declared,
  names: ReadonlySet<string>,
): { given: Given[]; rest: string[] } {
  const given: Given[] = [];
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--') return { given, rest: [...rest, ...words.slice(i + 1)] };
    const found = /^(--?)([^=\s]+)(?:=([\s\S]*))?$/.exec(word);
    if (!found || isNegative(word) || word === '-') {
      rest.push(word);
      continue;
    }
    const [, dashes, raw, assigned] = found as unknown as [string, string, string, string | undefined];
    const isNegated =
      raw.startsWith('no-') && !names.has(raw) && options.boolean.includes(mainName(raw.slice(3), options));
    const name = isNegated ? raw.slice(3) : raw;
    const main = mainName(name, options);
    const values = assigned === undefined ? [] : [assigned];
    const most =
      assigned !== undefined || options.boolean.includes(main) || !names.has(name)
        ? 0
        : (options.narg[main] ?? (options.array.includes(main) ? Number.POSITIVE_INFINITY : 1));
    while (values.length < most && i + 1 < words.length && !isOption(words[i + 1]!)) values.push(words[++i]!);
    given.push({ written: `${dashes}${raw}`, name, values });
  }
  return { given, rest };
}

const isNegative = (word: string) => /^-(\d|\.\d)/.test(word);

const isOption = (word: string) => word.startsWith('-') && word !== '-' && !isNegative(word);

/** Subcommands of commands that also do something by themselves: yargs has forgotten them by then. */
const SUBCOMMANDS: Readonly<Record<string, readonly string[]>> = { home: ['fit', 'check'], tunnel: ['keygen'] };

/** Properties of yargs that its types leave out. */
interface Inner {
  getOptions(): Declared;
  getInternalMethods(): {
    getContext(): { readonly commands: readonly string[]; readonly fullCommands: readonly string[] };
  };
}

/** Holds the command line to the command that yargs has come to; see {@link checkArguments}. */
export function checkCommandLine(argv: readonly string[], yargs: Argv): void {
  const inner = yargs as unknown as Inner;
  const { commands: path, fullCommands } = inner.getInternalMethods().getContext();
  const words = [...argv];
  for (const name of path) {
    const at = words.indexOf(name);
    if (at >= 0) words.splice(at, 1);
  }
  checkArguments(words, inner.getOptions(), {
    commands: SUBCOMMANDS[path.join(' ')] ?? [],
    positionals: positionalsOf(fullCommands.at(-1) ?? '').map(({ name }) => name),
  });
}

/** `defend <in> <out>`: two that are required. */
function positionalsOf(usage: string): { name: string; required: boolean }[] {
  return [...usage.matchAll(/<([^>]+)>|\[([^\]]+)\]/g)].map(([, required, optional]) => ({
    name: (required ?? optional)!,
    required: required !== undefined,
  }));
}

/** Rewords yargs' message on what is missing. */
export function translateFailure(message: string, yargs: Argv): string {
  const { commands, fullCommands } = (yargs as unknown as Inner).getInternalMethods().getContext();
  const help = `; see ${['homeveil', ...commands].join(' ')} --help`;
  const missing = /^Missing required arguments?: (.*)$/.exec(message);
  if (missing)
    return `expected ${missing[1]!
      .split(', ')
      .map((name) => `--${name}`)
      .join(' and ')}${help}`;
  const count = /^Not enough non-option arguments: got (\d+)/.exec(message);
  if (count) {
    const required = positionalsOf(fullCommands.at(-1) ?? '').filter((one) => one.required);
    return `expected ${required
      .slice(Number(count[1]))
      .map(({ name }) => `<${name}>`)
      .join(' and ')}${help}`;
  }
  return lowerFirst(message) + help;
}

const PLUGIN_FILE = /\.m?[jt]s$/;

/**
 * `--plugin a.ts b.ts` as `--plugin a.ts --plugin b.ts`: no capture and no study is called so. But of `check`, whose arguments are plug-ins.
 */
export function spreadPlugins(argv: readonly string[]): string[] {
  if (argv.includes('check')) return [...argv];
  const words: string[] = [];
  for (const word of argv) {
    const isOneMore = words.at(-2) === '--plugin' && PLUGIN_FILE.test(word) && !word.startsWith('-');
    words.push(...(isOneMore ? ['--plugin', word] : [word]));
  }
  return words;
}
