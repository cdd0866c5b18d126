import type { CommandModule } from 'yargs';
import { attacks, defenses, views } from '../harness/plugins.js';
import { studySchema } from '../harness/study-file.js';

const command: CommandModule = {
  command: 'schema',
  describe: 'Print the JSON Schema of study files, for an editor to complete and check them',
  handler: () => console.log(JSON.stringify(studySchema({ views, attacks, defenses }), null, 2)),
};

export default command;
