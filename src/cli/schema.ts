import type { CommandModule } from 'yargs';
import { loadPlugins } from '../harness/load-plugins.js';
import { views } from '../harness/plugins.js';
import { studySchema } from '../harness/study-file.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';

const command: CommandModule<object, PluginOption> = {
  command: 'schema',
  describe: 'Print the JSON Schema of study files, for an editor to complete and check them',
  builder: (yargs) => addPluginOption(yargs),
  handler: async ({ plugin = [] }) => {
    const { attacks, defenses } = await loadPlugins(plugin);
    console.log(JSON.stringify(studySchema({ views, attacks, defenses }), null, 2));
  },
};

export default command;
