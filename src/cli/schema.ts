import type { CommandModule } from 'yargs';
import { z } from 'zod';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { studySchema } from '../harness/study-file.js';
import { noiseConfigSchema } from '../noise/schema.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';

const command: CommandModule<object, PluginOption & { of: 'study' | 'noise' }> = {
  command: 'schema [of]',
  describe:
    'Print the JSON Schema of study files, or of the configuration of noise, for an editor to complete and check them',
  builder: (yargs) =>
    addPluginOption(yargs).positional('of', { choices: ['study', 'noise'] as const, default: 'study' as const }),
  handler: async ({ plugin = [], of }) => {
    if (of === 'noise') return console.log(JSON.stringify(z.toJSONSchema(noiseConfigSchema, { io: 'input' }), null, 2));
    console.log(JSON.stringify(studySchema(await loadPlugins(plugin)), null, 2));
  },
};

export default command;
