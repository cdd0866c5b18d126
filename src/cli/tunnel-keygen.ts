import type { CommandModule } from 'yargs';
import { writeKey } from '../live/tunnel/key.js';

const command: CommandModule<object, { file: string }> = {
  command: 'keygen <file>',
  describe: 'Write a new key for both ends of a tunnel',
  builder: (yargs) =>
    yargs.positional('file', { type: 'string', demandOption: true, describe: 'File to write; it must not exist' }),
  handler: ({ file }) => {
    writeKey(file);
    console.log(`${file}: a new key, for both ends; copy it over a channel that you trust`);
  },
};

export default command;
