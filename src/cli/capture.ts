import type { CommandModule } from 'yargs';
import { type CaptureResult, capture } from '../live/capture/capture.js';
import { ENGINES, type EngineName } from '../live/capture/rights.js';
import { DEFAULT_BUFFER } from '../live/capture/source.js';
import { UsageError } from '../shared/errors.js';
import { parseDuration, parseSizeOrDuration } from '../shared/quantities.js';
import { interruptible } from './interrupt.js';
import { formatBytes, formatCount, formatDuration, table, withProgress, wrap } from './terminal.js';

interface CaptureOptions {
  interface: string;
  write?: string;
  for?: string;
  packets?: number;
  filter?: string;
  full: boolean;
  rotate?: string;
  keep?: number;
  engine?: EngineName;
  buffer: number;
  json: boolean;
}

const command: CommandModule<object, CaptureOptions> = {
  command: 'capture',
  describe: 'Capture the traffic of an interface: headers only, unless told otherwise',
  builder: (yargs) =>
    yargs
      .option('interface', {
        alias: 'i',
        type: 'string',
        demandOption: true,
        describe: 'Where: a name of homeveil interfaces, or any',
      })
      .option('write', { alias: 'w', type: 'string', describe: 'Capture to write (.pcap)  [only count packets]' })
      .option('for', { type: 'string', describe: 'End after 90s, 10m, 2h  [until Ctrl-C]' })
      .option('packets', { type: 'number', describe: 'End after so many packets' })
      .option('filter', {
        type: 'string',
        describe: 'Packets to take, as for tcpdump: "host 192.168.1.7 and not arp"',
      })
      .option('full', { type: 'boolean', default: false, describe: 'Keep payloads too' })
      .option('rotate', { type: 'string', describe: 'Another file after so much: 100MB, or 1h' })
      .option('keep', { type: 'number', describe: 'With --rotate: only the last so many files  [all]' })
      .option('engine', { choices: ENGINES, describe: 'What captures  [the first that may]' })
      .option('buffer', {
        type: 'number',
        default: DEFAULT_BUFFER,
        describe: 'MiB in the kernel for packets that wait',
      })
      .option('json', { type: 'boolean', default: false, describe: 'One JSON document on stdout' })
      .example('$0 capture -i eth1 -w home.pcap --for 10m', '')
      .example('$0 capture -i eth1 -w home.pcap --rotate 1h --keep 48', 'the last two days, an hour a file')
      .epilogue(
        [
          'Kept by default: the link, IP, TCP (with options) and UDP headers, the first 8 bytes of ICMP and IGMP, the length and time of each packet. Not kept: what they carry (DNS names and TLS handshakes included), and all of what is no IP but its link header. A reader of such a capture therefore infers applications from ports. Addresses and checksums stay.',
          'dumpcap counts lost packets at the end, tcpdump during the capture, cap never; cap also has no kernel times, and silently loses packets when there are many.',
          'homeveil interfaces shows what may capture on which interface, and how to allow it.',
        ].join('\n'),
      ),
  handler: async (options) => {
    const request = readOptions(options);
    const result = await withProgress(({ onProgress, onWarning }) => {
      if (request.engine === 'cap') onWarning(CAP_WARNING);
      return interruptible((signal) => capture(request, signal, onProgress));
    });
    console.log(options.json ? JSON.stringify({ schemaVersion: 1, ...result }, null, 2) : print(result));
    const { kernel, interface: card } = result.lost;
    const lost = (kernel ?? 0) + (card ?? 0);
    if (lost > 0) console.error(`warning: ${formatCount(lost)} packets were lost; a larger --buffer may help`);
    if (result.engine === 'cap' && request.engine === undefined) console.error(`warning: ${CAP_WARNING}`);
  },
};

export default command;

const CAP_WARNING =
  'cap has no packet times of the kernel, and does not tell what it loses under load; dumpcap and tcpdump do better';

function readOptions(options: CaptureOptions) {
  const { write, rotate, keep } = options;
  whole('--packets', options.packets);
  whole('--keep', keep);
  whole('--buffer', options.buffer, 1024);
  if (rotate !== undefined && write === undefined) throw new UsageError('--rotate: expected a file to write, with -w');
  if (keep !== undefined && rotate === undefined) throw new UsageError('--keep: expected --rotate too');
  return {
    interface: options.interface,
    engine: options.engine,
    filter: options.filter,
    buffer: options.buffer,
    full: options.full,
    packets: options.packets,
    seconds: options.for === undefined ? undefined : parseDuration(options.for, '--for'),
    files:
      write === undefined
        ? undefined
        : { path: write, keep, rotate: rotate === undefined ? undefined : parseSizeOrDuration(rotate, '--rotate') },
  };
}

function whole(name: string, value: number | undefined, most = Number.MAX_SAFE_INTEGER): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
  throw new UsageError(
    `${name}: expected a whole number of at least 1${most < 2 ** 40 ? ` and at most ${most}` : ''}, found ${value}`,
  );
}

function print(result: CaptureResult): string {
  const { packets, bytes, seconds, lost, files } = result;
  const count = (value: number | null) => (value === null ? '–' : formatCount(value));
  const rows = [
    ['packets', formatCount(packets), `${formatCount(seconds > 0 ? packets / seconds : 0)} packets/s`],
    ['on the wire', formatBytes(bytes), `${formatBytes(seconds > 0 ? bytes / seconds : 0)}/s`],
    ['lost', count(lost.kernel), `in the kernel or ${result.engine}`],
    ['', count(lost.interface), 'in the network card'],
  ];
  const columns = [{ title: result.interface }, { title: '', align: 'right' as const }, { title: '', shrink: true }];
  const what = result.kept === 'headers' ? 'headers only' : 'whole packets';
  const lines = [
    `${result.interface} for ${formatDuration(seconds)} with ${result.engine}, ${what}${result.link === null ? '' : `, link ${result.link}`}`,
    '',
    table(columns, rows),
  ];
  if (files.length > 0) lines.push('');
  for (const file of files) {
    lines.push(...wrap(`${file.path}: ${formatCount(file.packets)} packets, ${formatBytes(file.bytes)}`, 2, 0));
  }
  return lines.join('\n');
}
