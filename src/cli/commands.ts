import yargs, { type Argv, type CommandModule } from 'yargs';
import { version } from '../harness/environment.js';
import { describeThrown, HomeveilError, suggestion, UsageError } from '../shared/errors.js';
import { visibleLine } from '../shared/visible.js';
import { checkCommandLine, spreadPlugins, translateFailure } from './arguments.js';
import { guardConsole } from './terminal.js';

/** In the order in which they are listed. */
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly default: unknown }>>> = {
  bench: () => import('./bench.js'),
  report: () => import('./report.js'),
  train: () => import('./train.js'),
  identify: () => import('./identify.js'),
  windows: () => import('./windows.js'),
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

/** The argument with which a shell asks for completions. */
const COMPLETIONS = '--get-yargs-completions';
const SHELLS = ['bash', 'zsh'];

/** Loads the command that is named, or all of them if none is: one takes less than half the time of all. */
async function loadCommands(argv: readonly string[]): Promise<CommandModule[]> {
  if (argv[0] === '--version') return [];
  const first = argv.find((argument) => Object.hasOwn(COMMANDS, argument));
  const wanted = first === undefined ? Object.values(COMMANDS) : [COMMANDS[first]!];
  return (await Promise.all(wanted.map((load) => load()))).map((module) => module.default as CommandModule);
}

/** yargs loses a lone `-`, which stands for standard input. It gets this in its place, which looks the same. */
const DASH = '\u200b-';

function restoreDashes(given: Record<string, unknown>): void {
  const restore = (value: unknown): unknown => (value === DASH ? '-' : value);
  for (const [name, value] of Object.entries(given))
    given[name] = Array.isArray(value) ? value.map(restore) : restore(value);
}

/** @throws UsageError where no command is named, or an unknown one */
function checkCommand(argv: readonly string[]): void {
  const known = [...Object.keys(COMMANDS), 'completion'];
  if (argv.some((word) => known.includes(word) || ['--help', '-h', '--version', COMPLETIONS].includes(word))) return;
  const word = argv.find((one) => !one.startsWith('-'));
  if (word === undefined) throw new UsageError('expected a command; see homeveil --help');
  throw new UsageError(`unknown command "${word}"${suggestion(word, known)}; there is ${known.join(', ')}`);
}

/** Runs one command line and returns its exit code. */
export async function run(given: readonly string[]): Promise<number> {
  const argv = spreadPlugins(given).map((argument) => (argument === '-' ? DASH : argument));
  const release = guardConsole();
  try {
    checkCommand(argv);
    const isCompletion = argv.includes(COMPLETIONS);
    const names = isCompletion ? await import('../harness/plugins/registry.js') : NO_NAMES;
    const wantsHelp = argv.includes('--help') || argv.includes('-h');
    if (argv[0] === 'completion') {
      // With this word yargs prints the script whatever follows; the help on all commands explains it.
      if (wantsHelp) argv.shift();
      else chooseShell(argv.splice(1));
    }
    let isChecked = false;
    const check = (yargs: Argv) => {
      // The innermost command comes first; a command around it would not know its arguments.
      if (isChecked) return;
      isChecked = true;
      if (!wantsHelp && !isCompletion && argv[0] !== 'completion') checkCommandLine(argv, yargs);
    };
    const cli: Argv = yargs(argv);
    cli
      // Or messages would come in the language of the system.
      .locale('en')
      .scriptName('homeveil')
      .usage(
        '$0 <command>\n\nHow well can an observer tell which smart-home devices you own, and what does hiding them cost?',
      )
      .command(await loadCommands(argv))
      .completion(
        'completion',
        'Print what makes bash or zsh complete this command: completion [bash|zsh]',
        completer(argv, names),
      )
      .demandCommand(1, 'expected a command; see homeveil --help')
      .strict()
      .middleware(() => check(cli), true)
      .middleware(restoreDashes)
      .version(version)
      .help()
      .alias('h', 'help')
      .wrap(Math.min(100, process.stdout.columns || 80))
      .exitProcess(false)
      .fail((message, error) => {
        if (error) throw error;
        check(cli);
        throw new UsageError(translateFailure(message, cli));
      });
    await cli.parseAsync();
    // A command that ends, but not well, has set it.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // A line that is still being written need not be whole.
    if (argv.includes(COMPLETIONS)) return 0;
    if (error instanceof HomeveilError) {
      console.error(`homeveil: ${visibleLine(describeThrown(error).replaceAll(DASH, '-'))}`);
      return error.exitCode;
    }
    console.error('homeveil: this is a bug of homeveil; please report it with what follows\n', error);
    return 1;
  } finally {
    release();
  }
}

/** yargs goes by the login shell. */
function chooseShell([shell, ...rest]: readonly string[]): void {
  if (rest.length > 0 || (shell !== undefined && !SHELLS.includes(shell))) {
    throw new UsageError(`completion: expected ${SHELLS.join(' or ')}, found "${[shell, ...rest].join(' ')}"`);
  }
  if (shell !== undefined) {
    process.env.SHELL = shell;
    if (shell === 'bash') delete process.env.ZSH_NAME;
  }
}

/** Options whose values are names of what is built in. */
const NAMED: Readonly<Record<string, 'attacks' | 'defenses' | 'views'>> = {
  '--attack': 'attacks',
  '--defense': 'defenses',
  '--shape': 'defenses',
  '--view': 'views',
};

const NO_NAMES: Names = { attacks: [], defenses: [], views: [] };

type Done = (error: Error | null, found: string[] | undefined) => void;
type Names = Readonly<Record<'attacks' | 'defenses' | 'views', readonly { readonly name: string }[]>>;

/** Completes names of attacks, defenses and views; all else is left to yargs, or to the shell. */
function completer(argv: readonly string[], names: Names) {
  return (current: string, _: unknown, others: (done?: Done) => unknown, done: (found: string[]) => void) => {
    const before = argv.slice(argv.indexOf(COMPLETIONS) + 1, -1);
    const kind = NAMED[before.at(-1) ?? ''];
    // A command's default is no word that anyone writes.
    if (kind === undefined) return void others((_, found = []) => done(found.filter((name) => !name.startsWith('$0'))));
    // The last part of `a+b` is completed.
    const parts = current.slice(0, current.lastIndexOf('+') + 1);
    done(names[kind].map(({ name }) => `${parts}${name}`).filter((name) => name.startsWith(current)));
  };
}
