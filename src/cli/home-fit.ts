import type { CommandModule } from 'yargs';
import { fitHome } from '../harness/fit-home.js';
import { type FittedDevice, formatProfiles } from '../home/fitted/profile.js';
import { checkWritable, PRIVATE, writeFileAtomic } from '../shared/files.js';
import { loadTrace, warningsOf } from '../trace/load.js';
import type { Duplicates } from '../trace/read/duplicates.js';
import { CAPTURES, DUPLICATES_OPTION, LABELS } from './data-options.js';
import { formatBytes, formatCount, formatDuration, table, withProgress } from './terminal.js';

interface FitOptions {
  captures: string[];
  labels: string;
  duplicates?: Duplicates;
  out: string;
  json: boolean;
}

const command: CommandModule<object, FitOptions> = {
  command: 'fit <captures..>',
  describe: 'Fit a profile to each device of labelled captures, for home --profiles',
  builder: (yargs) =>
    yargs
      .positional('captures', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: CAPTURES,
      })
      .option('labels', { type: 'string', demandOption: true, describe: LABELS })
      .option('duplicates', DUPLICATES_OPTION)
      .option('out', { type: 'string', default: 'profiles.json', describe: 'File to write' })
      .option('json', { type: 'boolean', default: false, describe: 'A summary as JSON on stdout' })
      .epilogue('The file holds no payloads and no addresses, but says what the devices are and what they do.'),
  handler: async ({ captures, labels, duplicates, out, json }) => {
    checkWritable(out);
    const { profiles, silent, warnings } = await withProgress(async (progress) => {
      const loaded = await loadTrace(captures, labels, { ...progress, duplicates });
      return { ...fitHome(loaded.trace, captures), warnings: warningsOf(loaded) };
    });
    for (const warning of warnings) console.error(`warning: ${warning}`);
    const text = formatProfiles(profiles);
    writeFileAtomic(out, text, PRIVATE);
    const devices = profiles.devices.map(summaryOf);
    if (json) {
      console.log(JSON.stringify({ out, bytes: text.length, data: profiles.data, devices, silent }));
      return;
    }
    console.log(
      table(
        [
          { title: 'device', shrink: true },
          { title: 'packets', align: 'right' },
          { title: 'an hour', align: 'right' },
          { title: 'services', align: 'right' },
          { title: 'channels', align: 'right' },
          { title: 'contexts', align: 'right' },
          { title: 'size', align: 'right' },
        ],
        devices.map((row) => [
          row.name,
          formatCount(row.packets),
          row.packetsPerHour.toFixed(1),
          formatCount(row.services),
          formatCount(row.channels),
          formatCount(row.contexts),
          formatBytes(row.bytes),
        ]),
      ),
    );
    for (const name of silent) console.log(`no packets of ${name}: it has no profile`);
    const { name, packets, capturedSeconds } = profiles.data;
    console.log(
      `\n${out}: ${formatBytes(text.length)}, from ${formatCount(packets)} packets in ${formatDuration(capturedSeconds)} of ${name}`,
    );
  },
};

export default command;

function summaryOf(device: FittedDevice) {
  const { name, packets, services, channels } = device;
  return {
    name,
    packets,
    packetsPerHour: channels.reduce((sum, channel) => sum + channel.packetsPerHour, 0),
    services: services.length,
    channels: channels.length,
    contexts: channels.reduce((sum, { contexts }) => sum + contexts.length, 0),
    bytes: JSON.stringify(device).length,
  };
}
