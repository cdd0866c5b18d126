import yargs, { type CommandModule } from 'yargs';
import { version } from '../harness/environment.js';
import { HomeveilError, UsageError } from '../shared/errors.js';
import { visibleLine } from '../shared/visible.js';
import { guardConsole } from './terminal.js';

/** In the order in which they are listed. */
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly default: unknown }>>> = {
  bench: () => import('./bench.js'),
  report: () => import('./report.js'),
  train: () => import('./train.js'),
  identify: () => import('./identify.js'),
  defend: () => import('./defend.js'),
  inspect: () => import('./inspect.js'),
  home: () => import('./home.js'),
  capture: () => import('./capture.js'),
  interfaces: () => import('./interfaces.js'),
  replay: () => import('./replay.js'),
  tunnel: () => import('./tunnel.js'),
  noise: () => import('./noise.js'),
  watch: () => import('./watch.js'),
  fidelity: () => import('./fidelity.js'),
  new: () => import('./new.js'),
  check: () => import('./check.js'),
  list: () => import('./list.js'),
  schema: () => import('./schema.js'),
};

/** The command that is named; all of them where none is: to load one takes less than half the time of all. */
async function loadCommands(argv: readonly string[]): Promise<CommandModule[]> {
  const first = argv.find((argument) => !argument.startsWith('-')) ?? '';
  const wanted = Object.hasOwn(COMMANDS, first) ? [COMMANDS[first]!] : Object.values(COMMANDS);
  return (await Promise.all(wanted.map((load) => load()))).map((module) => module.default as CommandModule);
}

/** yargs loses a lone `-`, which stands for standard input. It gets this in its place, which looks the same. */
const DASH = '\u200b-';

function restoreDashes(given: Record<string, unknown>): void {
  const restore = (value: unknown): unknown => (value === DASH ? '-' : value);
  for (const [name, value] of Object.entries(given))
    given[name] = Array.isArray(value) ? value.map(restore) : restore(value);
}

/** Runs one command line and returns its exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const cli = yargs(argv.map((argument) => (argument === '-' ? DASH : argument)))
    .scriptName('homeveil')
    .usage(
      '$0 <command>\n\nHow well can an observer tell which smart-home devices you own, and what does hiding them cost?',
    )
    .command(await loadCommands(argv))
    .middleware(restoreDashes)
    .demandCommand(1, 'expected a command; see homeveil --help')
    .recommendCommands()
    .strict()
    .version(version)
    .help()
    .alias('h', 'help')
    .wrap(Math.min(100, process.stdout.columns || 80))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message.replace(/\s*\n\s*/g, ' '));
    });

  const release = guardConsole();
  try {
    await cli.parseAsync();
    // A command that ends, but not well, has set it.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof HomeveilError) {
      console.error(`homeveil: ${visibleLine(error.message)}`);
      return error.exitCode;
    }
    console.error('homeveil: this is a bug of homeveil; please report it with what follows\n', error);
    return 1;
  } finally {
    release();
  }
}
