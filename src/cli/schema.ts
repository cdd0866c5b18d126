import type { CommandModule } from 'yargs';
import { z } from 'zod';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { studySchema } from '../harness/study-file.js';
import { noiseConfigSchema } from '../noise/schema.js';
import { resultJsonSchema } from '../result/result.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';

const SUBJECTS = ['study', 'result', 'noise'] as const;

const command: CommandModule<object, PluginOption & { of: (typeof SUBJECTS)[number] }> = {
  command: 'schema [of]',
  describe:
    'Print the JSON Schema of study files, of result files, or of the configuration of noise, for an editor to complete and check them',
  builder: (yargs) => addPluginOption(yargs).positional('of', { choices: SUBJECTS, default: 'study' as const }),
  handler: async ({ plugin = [], of }) => console.log(JSON.stringify(await schemaOf(of, plugin), null, 2)),
};

export default command;

async function schemaOf(subject: (typeof SUBJECTS)[number], plugin: readonly string[]): Promise<object> {
  if (subject === 'result') return resultJsonSchema();
  if (subject === 'noise') return z.toJSONSchema(noiseConfigSchema, { io: 'input' });
  return studySchema(await loadPlugins(plugin));
}
