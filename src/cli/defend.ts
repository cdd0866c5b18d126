import type { CommandModule } from 'yargs';
import { type DefendResult, defend } from '../harness/defend.js';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import type { Duplicates } from '../trace/read/duplicates.js';
import { CAPTURES, DUPLICATES_OPTION, LABELS } from './data-options.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';
import { formatBytes, formatCount, formatDuration, formatPercent, table, withProgress, wrap } from './terminal.js';

interface DefendOptions extends PluginOption {
  in: string;
  out: string;
  defense: string;
  labels?: string;
  duplicates?: Duplicates;
  writeLabels?: string;
  view?: string;
  learn?: string[];
  capacity?: number;
  seed?: number;
  json: boolean;
}

const command: CommandModule<object, DefendOptions> = {
  command: 'defend <in> <out>',
  describe: 'Put a defense in place on captures: write what an observer would then capture, print the cost',
  builder: (yargs) =>
    addPluginOption(yargs)
      .positional('in', {
        type: 'string',
        demandOption: true,
        describe: CAPTURES,
      })
      .positional('out', {
        type: 'string',
        demandOption: true,
        describe: 'Capture to write: .pcap; or .arrow for a table, with the truth about cover in it',
      })
      .option('defense', { type: 'string', demandOption: true, describe: 'name:key=value,...; a+b composes' })
      .option('labels', { type: 'string', describe: `${LABELS}  [each host is a device]` })
      .option('duplicates', DUPLICATES_OPTION)
      .option('write-labels', { type: 'string', describe: 'CSV of labels to write, for OUT: mac,device,category' })
      .option('view', {
        type: 'string',
        describe: 'Where OUT is captured: lan, napt, vpn  [lan; napt where the defense is a tunnel]',
      })
      .option('learn', {
        type: 'string',
        array: true,
        // One at a time: it must not take IN and OUT for more.
        nargs: 1,
        describe: 'Captures that the defense may learn from, of other hours; may be repeated',
      })
      .option('capacity', { type: 'number', describe: 'Mbit/s of the link behind the defense  [no limit]' })
      .option('seed', { type: 'number', describe: 'Same seed, same bytes  [1]' })
      .option('json', { type: 'boolean', default: false, describe: 'One JSON document on stdout' })
      .example(
        '$0 defend --defense pad:rule=mtu --labels labels.csv home.pcap padded.pcap',
        'then bench --data padded.pcap',
      )
      .epilogue(
        [
          'Frames have the lengths, times, addresses and ports of the simulation; what they hold is made up. Nothing in a .pcap tells cover and padding from the rest.',
          'In the view lan devices keep their addresses, so the labels of IN fit OUT too (with --labels file or folder, use what --write-labels writes). In the others all frames are between gateway and provider.',
          'A segment that padding gives a payload is read back as of its connection: where acknowledgements are padded they show as TLS.',
        ].join('\n'),
      ),
  handler: async ({ in: capture, out, json, plugin = [], ...options }) => {
    const plugins = await loadPlugins(plugin);
    const result = await withProgress(({ onProgress }) =>
      defend({ ...options, captures: [capture], out }, onProgress, plugins),
    );
    console.log(json ? JSON.stringify(result, null, 2) : print(result));
  },
};

export default command;

function print({ data, defense, view, output, cost, notes }: DefendResult): string {
  const { p50, p95, p99, max } = cost.addedDelay;
  const delay = (seconds: number | null) => (seconds === null ? '–' : formatDuration(seconds));
  const more = (share: number | null) => (share === null ? '–' : `${share < 0 ? '' : '+'}${formatPercent(share)}`);
  const cover = output.cover === 0 ? '' : `, ${formatCount(output.cover)} of them cover`;
  const rows = [
    ['bandwidth', more(cost.bandwidthOverhead), `${formatBytes(data.bytes)} became ${formatBytes(output.bytes)}`],
    [
      'packets',
      more(cost.packetOverhead),
      `${formatCount(data.packets)} became ${formatCount(output.packets)}${cover}`,
    ],
    ['added a day', cost.megabytesPerDay === null ? '–' : formatBytes(cost.megabytesPerDay * 1e6), ''],
    ['added delay', delay(p50), `median; p95 ${delay(p95)}, p99 ${delay(p99)}, at most ${delay(max)}`],
    ['lost', formatCount(cost.dropped), 'packets'],
    ['duration', cost.durationRatio === null ? '–' : `x ${cost.durationRatio.toFixed(3)}`, ''],
  ];
  const columns = [{ title: 'cost' }, { title: '', align: 'right' as const }, { title: '', shrink: true }];
  const lines = [
    ...wrap(`${data.name} under ${defense.label}, in the ${view.label} view`),
    '',
    table(columns, rows),
    '',
    `${output.path}: ${formatCount(output.packets)} packets, ${formatBytes(output.fileBytes)}`,
  ];
  if (output.labels !== null) lines.push(`labels: ${output.labels}`);
  lines.push(...notes.flatMap((note) => wrap(`note: ${note}`, 6, 0)));
  return lines.join('\n');
}
