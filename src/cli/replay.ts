import type { CommandModule } from 'yargs';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { type ReplayResult, replay } from '../live/replay/replay.js';
import { parseDuration } from '../shared/quantities.js';
import type { Duplicates } from '../trace/read/duplicates.js';
import { CAPTURES, DUPLICATES_OPTION, LABELS } from './data-options.js';
import { interruptible } from './interrupt.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';
import { formatBytes, formatCount, formatDuration, formatPercent, table, withProgress, wrap } from './terminal.js';

interface ReplayOptions extends PluginOption {
  captures: string[];
  to?: string;
  from?: string;
  interface?: string;
  network?: string;
  force: boolean;
  defense: string;
  labels?: string;
  duplicates?: Duplicates;
  view?: string;
  learn?: string[];
  capacity?: number;
  seed?: number;
  speed: number;
  for?: string;
  direction: 'out' | 'in' | 'both';
  coverOnly?: boolean;
  json: boolean;
}

const command: CommandModule<object, ReplayOptions> = {
  command: 'replay <captures..>',
  describe: 'Send captures on a test network, under a defense, at their own times',
  builder: (yargs) =>
    addPluginOption(yargs)
      .positional('captures', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: CAPTURES,
      })
      .option('to', { type: 'string', describe: 'IPv4 address that all packets go to  [they keep their addresses]' })
      .option('from', { type: 'string', describe: "With --to: their source  [this machine's address]" })
      .option('interface', { alias: 'i', type: 'string', describe: 'Send by this interface  [as the routes say]' })
      .option('network', {
        type: 'string',
        describe: 'Test network, such as 10.77.0.0/24: no other address is sent to  [of -i, or --to alone]',
      })
      .option('force', { type: 'boolean', default: false, describe: 'Send to whatever address' })
      .option('defense', { type: 'string', default: 'none', describe: 'name:key=value,...; a+b composes' })
      .option('labels', { type: 'string', describe: `${LABELS}  [each host is a device]` })
      .option('duplicates', DUPLICATES_OPTION)
      .option('view', { type: 'string', describe: 'lan, napt, vpn  [lan; napt where the defense is a tunnel]' })
      .option('learn', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Captures that the defense may learn from; may be repeated',
      })
      .option('capacity', { type: 'number', describe: 'Mbit/s of the link behind the defense  [no limit]' })
      .option('seed', { type: 'number', describe: 'Same seed, same packets  [1]' })
      .option('speed', { type: 'number', default: 1, describe: '2 sends twice as fast' })
      .option('for', { type: 'string', describe: 'Only the first 90s, 10m, 2h of the trace  [all]' })
      .option('direction', {
        choices: ['out', 'in', 'both'] as const,
        default: 'both' as const,
        describe: 'Packets from the home, towards it, or both',
      })
      .option('cover-only', {
        type: 'boolean',
        default: false,
        describe: "Only a defense's cover, beside real traffic",
      })
      .option('json', { type: 'boolean', default: false, describe: 'One JSON document on stdout' })
      .example('$0 replay home.pcap --to 10.77.0.2 --defense pad:rule=mtu', '')
      .example('$0 replay home.pcap --to 10.77.0.2 --defense dummy --cover-only', 'cover, as the defense makes it')
      .epilogue(
        [
          'Packets are IPv4, of the length that each had (IPv6 too; what is no IP is left out), with ports, headers and checksums that hold, and made-up payloads. With --to, both directions go the same way: packets towards the home have the service port as their source.',
          "Refused without --force: addresses outside the test network, and a test network of addresses that are somebody's on the Internet.",
          'The receiving host answers what it does not expect: TCP with resets, UDP with ICMP. Have its firewall drop what comes where that disturbs.',
          'Needs the npm package raw-socket and the right to send raw packets (CAP_NET_RAW).',
        ].join('\n'),
      ),
  handler: async ({ for: duration, json, plugin = [], ...options }) => {
    const plugins = await loadPlugins(plugin);
    const request = { ...options, seconds: duration === undefined ? undefined : parseDuration(duration, '--for') };
    const result = await withProgress(({ onProgress }) =>
      interruptible((signal) => replay(request, signal, onProgress, plugins)),
    );
    console.log(json ? JSON.stringify({ schemaVersion: 1, ...result }, null, 2) : print(result));
  },
};

export default command;

const BAR = 40;

function print(result: ReplayResult): string {
  const { planned, sent, late, refused, leftOut } = result;
  const where = [result.to && `to ${result.to}`, result.interface && `by ${result.interface}`]
    .filter(Boolean)
    .join(' ');
  const cover = planned.cover === 0 ? '' : `, ${formatCount(planned.cover)} of them cover`;
  const most = Math.max(...result.histogram.map(({ packets }) => packets), 1);
  const used = result.histogram.findLastIndex(({ packets }) => packets > 0);
  const rows = result.histogram
    .slice(0, used + 1)
    .map(({ atMost, packets }) => [
      atMost === null ? 'more' : `<= ${formatLate(atMost)}`,
      formatCount(packets),
      formatPercent(packets / Math.max(1, sent.packets)),
      '█'.repeat(Math.ceil((packets / most) * BAR)),
    ]);
  const columns = [
    { title: 'late', align: 'right' as const },
    { title: 'packets', align: 'right' as const },
    { title: '', align: 'right' as const },
    { title: '' },
  ];
  const lines = [
    ...wrap(`${result.defense}, in the ${result.view} view, ${where}`),
    '',
    ...wrap(
      `sent ${formatCount(sent.packets)} of ${formatCount(planned.packets)} packets${cover}, ${formatBytes(sent.bytes)}, ` +
        `in ${formatDuration(sent.seconds)} (planned: ${formatDuration(planned.seconds)})`,
    ),
    '',
    table(columns, rows),
    '',
    `late: median ${formatLate(late.p50)}, p90 ${formatLate(late.p90)}, p99 ${formatLate(late.p99)}, at most ${formatLate(late.max)}`,
  ];
  for (const [reason, count] of Object.entries(leftOut)) lines.push(`left out: ${formatCount(count)} with ${reason}`);
  for (const [reason, count] of Object.entries(refused)) lines.push(`not sent: ${formatCount(count)}: ${reason}`);
  if (result.merged > 0) {
    lines.push(
      ...wrap(`note: ${formatCount(result.merged)} frames longer than a packet can be were sent as several`, 6, 0),
    );
  }
  lines.push(...result.notes.flatMap((note) => wrap(`note: ${note}`, 6, 0)));
  return lines.join('\n');
}

/** Formats times that are mostly far below a millisecond. */
function formatLate(seconds: number | null): string {
  if (seconds === null) return '–';
  return seconds < 0.001 ? `${Math.round(seconds * 1e6)} µs` : `${Number((seconds * 1000).toPrecision(3))} ms`;
}
