import type { CommandModule } from 'yargs';
import keygen from './tunnel-keygen.js';
import run from './tunnel-run.js';

const command: CommandModule = {
  command: 'tunnel',
  describe: 'Run one end of a live tunnel that puts a defense around a VPN',
  builder: (yargs) => yargs.command(run).command(keygen),
  handler: () => {},
};

export default command;
