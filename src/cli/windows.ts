import type { CommandModule } from 'yargs';
import {
  checkWindowsPath,
  type ExportedWindows,
  exportWindows,
  writeWindows,
} from '../harness/observer/export-windows.js';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { resolveWindows } from '../harness/spec.js';
import { windowsRequest } from '../result/request.js';
import { addRequestOptions, type DataOptions, requestOf } from './data-options.js';
import { formatBytes, formatCount, table, withProgress, wrap } from './terminal.js';

interface WindowsOptions extends DataOptions {
  out: string;
  json: boolean;
}

const command: CommandModule<object, WindowsOptions> = {
  command: 'windows',
  describe: 'Write the windows and labels that an attack gets, as Arrow and .npy files for your own programs',
  builder: (yargs) =>
    addRequestOptions(yargs, windowsRequest)
      .option('out', { type: 'string', default: 'homeveil-windows', describe: 'Folder for the windows' })
      .option('json', { type: 'boolean', default: false, describe: 'Print windows.json' })
      .example('$0 windows --data captures/ --labels labels.csv --defense pad --out windows/', '')
      .example('$0 windows --quick --attack window-forest:packets=20', 'of the synthetic home'),
  handler: async (options) => {
    const { plugin = [], out, json } = options;
    const plugins = await loadPlugins(plugin);
    const spec = resolveWindows(requestOf(options, windowsRequest), plugins);
    checkWindowsPath(out);
    const exported = await withProgress(({ onProgress }) => exportWindows(spec, { plugins, onProgress }));
    writeWindows(out, exported);
    console.log(json ? JSON.stringify(exported.description, null, 2) : print(exported, out));
  },
};

export default command;

function print({ description, files, warnings }: ExportedWindows, out: string): string {
  const { data, attack, view, defense, classes, cut, parts } = description;
  const under = defense === 'none' ? '' : ` under ${defense}`;
  const columns = [
    { title: 'part' },
    { title: 'windows', align: 'right' as const },
    { title: 'packets', align: 'right' as const },
  ];
  const rows = Object.entries(parts).map(([name, size]) => [
    name,
    size ? formatCount(size.windows) : '–',
    size ? formatCount(size.packets) : '–',
  ]);
  const bytes = Object.values(files).reduce((sum, file) => sum + file.length, 0);
  return [
    ...wrap(
      `${data.name}: ${classes.length} classes in the ${view} view${under}, as ${attack} sees them; windows of ${cut.size} ${cut.unit}, streams: ${cut.streams}`,
    ),
    '',
    table(columns, rows),
    '',
    ...warnings.flatMap((warning) => wrap(`warning: ${warning}`, 9, 0)),
    `${out}: README.txt, windows.json, train/ and test/ (${formatBytes(bytes)})`,
  ].join('\n');
}
