import type { CommandModule } from 'yargs';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { describeParameters, formatParameter, type ParameterInfo, type ParameterSchema } from '../shared/parameters.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';
import { wrap } from './terminal.js';

interface Listed {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly parameters: ParameterSchema;
}

const KINDS = ['attacks', 'defenses', 'views'] as const;

interface ListOptions extends PluginOption {
  kind?: string;
  json: boolean;
}

const command: CommandModule<object, ListOptions> = {
  command: 'list [kind]',
  describe: 'Show attacks, defenses and views: parameters, defaults, sources',
  builder: (yargs) =>
    addPluginOption(yargs)
      .positional('kind', {
        choices: KINDS,
        describe: 'What to show; all kinds by default',
        type: 'string',
      })
      .option('json', { type: 'boolean', default: false, describe: 'One JSON document on stdout' }),
  handler: async ({ kind, plugin = [], json }) => {
    const all: Record<(typeof KINDS)[number], readonly Listed[]> = await loadPlugins(plugin);
    const chosen = KINDS.filter((name) => kind === undefined || name === kind).map(
      (name) => [name, all[name]] as const,
    );
    if (json) {
      const entries = chosen.map(([name, plugins]) => [name, plugins.map(describe)]);
      console.log(JSON.stringify(Object.fromEntries(entries), null, 2));
      return;
    }
    for (const [name, plugins] of chosen) {
      if (kind === undefined) console.log(`${name.toUpperCase()}\n`);
      for (const plugin of plugins) console.log(`${print(plugin)}\n`);
    }
  },
};

export default command;

function describe({ name, summary, source, parameters }: Listed) {
  return { name, summary, source, parameters: describeParameters(parameters) };
}

function print(plugin: Listed): string {
  const lines = [plugin.name, ...wrap(plugin.summary, 2), ...wrap(`source: ${plugin.source}`, 2)];
  for (const parameter of describeParameters(plugin.parameters)) lines.push(...printParameter(parameter));
  return lines.join('\n');
}

function printParameter({ name, type, default: value, range, description }: ParameterInfo): string[] {
  const kind = type.replaceAll(/\S*\|\S*/g, (choices) => `one of ${choices.split('|').join(', ')}`);
  const isNumeric = /^list of (number|integer)/.test(type);
  const notation = type.startsWith('list') ? (isNumeric ? ` (${name}=1+2)` : ` (${name}=a,${name}=b)`) : '';
  const head = formatParameter(name, value).join(',') || `${name}=`;
  return [
    `    ${head}`,
    ...wrap([description, [kind + notation, range].filter(Boolean).join(', ')].filter(Boolean).join('; '), 8),
  ];
}
