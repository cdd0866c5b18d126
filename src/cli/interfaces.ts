import type { CommandModule } from 'yargs';
import { asRoot } from '../live/as-root.js';
import { type Interfaces, listInterfaces } from '../live/capture/interfaces.js';
import { table } from './terminal.js';

const command: CommandModule<object, { json: boolean }> = {
  command: 'interfaces',
  describe: 'Interfaces, whether they can be captured on now and by what, and how to allow it',
  builder: (yargs) =>
    yargs.option('json', { type: 'boolean', default: false, describe: 'One JSON document on stdout' }),
  handler: async ({ json }) => {
    const found = await listInterfaces();
    console.log(json ? JSON.stringify({ schemaVersion: 1, ...found }, null, 2) : print(found));
  },
};

export default command;

function print({ interfaces, engines }: Interfaces): string {
  const isPossible = interfaces.some(({ engine }) => engine !== null);
  const lines = [
    table(
      [{ title: 'interface' }, { title: 'state' }, { title: 'addresses' }, { title: 'capture', shrink: true }],
      interfaces.flatMap(({ name, state, addresses, engine, problem }) => [
        [name, state ?? '–', addresses[0] ?? '–', engine === null ? `no: ${problem}` : `yes, ${engine}`],
        ...addresses.slice(1).map((address) => ['', '', address, '']),
      ]),
    ),
  ];
  for (const { engine, state, problem, cure } of engines) {
    // A missing engine does not matter where another one can capture.
    if (state === 'ready' || (isPossible && state === 'absent')) continue;
    lines.push('', `${engine}: ${problem}`, ...cure.map((line) => `  ${line}`));
  }
  if (!isPossible) lines.push('', `or as root: ${asRoot()}`);
  return lines.join('\n');
}
