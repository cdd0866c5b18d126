import yargs from 'yargs';
import { version } from '../harness/environment.js';
import { HomeveilError, UsageError } from '../shared/errors.js';
import bench from './bench.js';
import capture from './capture.js';
import check from './check.js';
import defend from './defend.js';
import home from './home.js';
import identify from './identify.js';
import inspect from './inspect.js';
import interfaces from './interfaces.js';
import list from './list.js';
import create from './new.js';
import noise from './noise.js';
import replay from './replay.js';
import report from './report.js';
import schema from './schema.js';
import train from './train.js';
import tunnel from './tunnel.js';
import watch from './watch.js';

/** Runs one command line and returns its exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const cli = yargs([...argv])
    .scriptName('homeveil')
    .usage(
      '$0 <command>\n\nHow well can an observer tell which smart-home devices you own, and what does hiding them cost?',
    )
    .command(bench)
    .command(report)
    .command(train)
    .command(identify)
    .command(defend)
    .command(inspect)
    .command(home)
    .command(capture)
    .command(interfaces)
    .command(replay)
    .command(tunnel)
    .command(noise)
    .command(watch)
    .command(create)
    .command(check)
    .command(list)
    .command(schema)
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

  try {
    await cli.parseAsync();
    // A command that ends, but not well, has set it.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof HomeveilError) {
      console.error(`homeveil: ${error.message}`);
      return error.exitCode;
    }
    console.error('homeveil: this is a bug of homeveil; please report it with what follows\n', error);
    return 1;
  }
}
