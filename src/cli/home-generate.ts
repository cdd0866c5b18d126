import type { CommandModule } from 'yargs';
import { generateFittedHome } from '../home/fitted/home.js';
import { readProfiles } from '../home/fitted/profile.js';
import { generateHome } from '../home/home.js';
import { UsageError } from '../shared/errors.js';
import { checkWritable, PRIVATE, writeFileAtomic } from '../shared/files.js';
import { formatLabels } from '../trace/labels/label-file.js';
import { Direction, type Trace } from '../trace/trace.js';
import { deviceLabels } from '../trace/write/device-macs.js';
import { writerOf } from '../trace/write/write.js';
import { formatBytes, formatCount, table } from './terminal.js';

interface HomeOptions {
  hours: number;
  seed: number;
  start?: string;
  device?: string[];
  profiles?: string;
  out: string;
  labels?: string;
  json: boolean;
}

const command: CommandModule<object, HomeOptions> = {
  command: '$0',
  describe: 'Write the traffic of a synthetic home as a capture',
  builder: (yargs) =>
    yargs
      .option('hours', { type: 'number', default: 6, describe: 'Length' })
      .option('seed', { type: 'number', default: 1, describe: 'Same seed, same packets' })
      .option('start', { type: 'string', describe: 'Date and time of the first packet, UTC  [2026-01-05T16:00]' })
      .option('device', { type: 'string', array: true, describe: 'Devices to simulate, all by default' })
      .option('profiles', { type: 'string', describe: 'Devices that home fit fitted, in place of the invented ones' })
      .option('out', { type: 'string', demandOption: true, describe: 'Capture to write: .pcap, or .arrow for a table' })
      .option('labels', { type: 'string', describe: 'CSV of labels to write: mac,device,category' })
      .option('json', { type: 'boolean', default: false, describe: 'One JSON document on stdout' }),
  handler: ({ hours, seed, start, device, profiles, out, labels, json }) => {
    const write = writerOf(out, '--out');
    for (const path of labels === undefined ? [out] : [out, labels]) checkWritable(path);
    const options = { hours, seed, start: start === undefined ? undefined : readStart(start), devices: device };
    const trace = profiles === undefined ? generateHome(options) : generateFittedHome(readProfiles(profiles), options);
    const { bytes } = write(trace, out);
    if (labels !== undefined) writeFileAtomic(labels, formatLabels(deviceLabels(trace)), PRIVATE);
    const devices = countDevices(trace, hours);
    if (json) {
      console.log(
        JSON.stringify({ synthetic: true, hours, seed, profiles, out, bytes, labels, packets: trace.packets, devices }),
      );
      return;
    }
    console.log(
      table(
        [
          { title: 'device', shrink: true },
          { title: 'category' },
          { title: 'packets', align: 'right' },
          { title: 'out', align: 'right' },
          { title: 'in', align: 'right' },
          { title: 'a day', align: 'right' },
        ],
        devices.map((row) => [
          row.name,
          row.category,
          formatCount(row.packets),
          formatCount(row.outbound),
          formatCount(row.packets - row.outbound),
          formatBytes(row.megabytesPerDay * 1e6),
        ]),
      ),
    );
    console.log(`\nsynthetic: ${formatCount(trace.packets)} packets of ${hours} h, ${formatBytes(bytes)} in ${out}`);
    if (labels !== undefined) console.log(`labels: ${labels}`);
  },
};

export default command;

/** A date, or date and time; without a zone it is UTC, which is the home's local time. */
function readStart(text: string): number {
  const hasZone = /(z|[+-]\d\d:?\d\d)$/i.test(text);
  const hasTime = text.includes('T');
  const time = Date.parse(hasZone || !hasTime ? text : `${text}Z`);
  if (Number.isNaN(time)) throw new UsageError(`--start: expected a time such as 2026-01-05T16:00, found "${text}"`);
  return time / 1000;
}

function countDevices(trace: Trace, hours: number) {
  const rows = trace.devices.map(({ name, category }) => ({ name, category, packets: 0, outbound: 0, bytes: 0 }));
  for (let i = 0; i < trace.packets; i++) {
    const row = rows[trace.device[i]!]!;
    row.packets++;
    row.bytes += trace.length[i]!;
    if (trace.direction[i] === Direction.OUTBOUND) row.outbound++;
  }
  return rows.map((row) => ({ ...row, megabytesPerDay: ((row.bytes / hours) * 24) / 1e6 }));
}
