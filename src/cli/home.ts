import type { CommandModule } from 'yargs';
import check from './home-check.js';
import fit from './home-fit.js';
import generate from './home-generate.js';

const command: CommandModule = {
  command: 'home',
  describe: 'Write the traffic of a synthetic home: invented devices, or ones fitted to captures',
  builder: (yargs) => yargs.command(generate).command(fit).command(check),
  handler: () => {},
};

export default command;
