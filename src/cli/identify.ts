import { availableParallelism } from 'node:os';
import stringWidth from 'string-width';
import type { CommandModule } from 'yargs';
import { type IdentifyResult, identify } from '../harness/observer/identify.js';
import { loadModel } from '../harness/observer/model-folder.js';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { MIXES } from '../learning/build-windows.js';
import { checked, positive } from '../result/check.js';
import type { Duplicates } from '../trace/read/duplicates.js';
import { numberOf } from './arguments.js';
import { CAPTURES, DUPLICATES_OPTION, LABELS } from './data-options.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';
import { fitName, formatCount, formatPercent, pad, table, withProgress, wrap } from './terminal.js';

interface IdentifyOptions extends PluginOption {
  captures: string[];
  model: string;
  labels?: string;
  duplicates?: Duplicates;
  view?: string;
  mix?: string;
  port?: string;
  defense?: string;
  overTime?: string;
  threads: number;
  json: boolean;
}

const command: CommandModule<object, IdentifyOptions> = {
  command: 'identify <captures..>',
  describe: 'Tell what an observer with a trained model concludes of captures: which devices, how sure',
  builder: (yargs) =>
    addPluginOption(yargs)
      .positional('captures', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: CAPTURES,
      })
      .option('model', { type: 'string', demandOption: true, describe: 'Folder that homeveil train wrote' })
      .option('labels', { type: 'string', describe: `Compare with the truth: ${LABELS}` })
      .option('duplicates', DUPLICATES_OPTION)
      .option('over-time', { type: 'string', describe: 'Tell presence too, for stretches of so many minutes  [60]' })
      .option('view', { type: 'string', describe: "Refuse a model of another view  [the model's]" })
      .option('mix', { choices: MIXES, describe: "Refuse a model of another mix  [the model's]" })
      .option('port', {
        choices: ['service', 'destination'] as const,
        describe: "Refuse a model of another port option  [the model's]",
      })
      .option('defense', { type: 'string', describe: 'Put a defense in place on the captures first  [none]' })
      .option('threads', { type: 'number', default: availableParallelism(), describe: 'Threads' })
      .option('json', { type: 'boolean', default: false, describe: 'One JSON document on stdout' })
      .epilogue(
        [
          'The captures are of the home, from inside or at its gateway; the view of the model is applied to them.',
          'A packet is attributed to a device that the model finds more probable than all others together, else it is unsure.',
          'A device is seen where at least 10 packets are attributed to it, and more than twice as many as mistakes alone would give it, judged by the test part of the training; where only the latter is missing, it is unclear.',
          'Confidence is the mean probability of the packets attributed to it: what the model says, not how often it is right.',
        ].join('\n'),
      ),
  handler: async (options) => {
    const { model: path, plugin = [], threads, json, ...rest } = options;
    const request = { ...rest, overTime: readMinutes(options.overTime) };
    const plugins = await loadPlugins(plugin);
    const result = await withProgress(async ({ onProgress, onWarning }) => {
      const model = await loadModel(path, { plugins, threads, onWarning });
      return identify(model, request, onProgress, plugins);
    });
    console.log(json ? JSON.stringify(result, null, 2) : print(result));
  },
};

export default command;

/** `--over-time` alone means hours. */
function readMinutes(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return text === '' ? 60 : checked(positive(), numberOf('--over-time', text), '--over-time');
}

const WIDTH = 80;

function print(result: IdentifyResult): string {
  const { model, data, devices, identification, presence, warnings } = result;
  const hosts = data.hosts === null ? '' : ` of ${data.hosts} ${data.hosts === 1 ? 'host' : 'hosts'}`;
  const parts = [
    wrap(
      `${data.name}: ${formatCount(data.packets)} packets${hosts} in the ${model.view} view, as ${model.attack} sees them (${model.path}, trained on ${model.data})`,
    ).join('\n'),
    devicesText(result),
  ];
  const seen = devices.filter((device) => device.seen);
  parts.push(wrap(seen.length === 0 ? 'Seen: none.' : `Seen: ${seen.map(({ name }) => name).join(', ')}.`).join('\n'));
  if (identification) parts.push(scoresText(result, identification));
  if (presence) parts.push(presenceText(result, presence));
  if (warnings.length > 0) parts.push(warnings.flatMap((warning) => wrap(`warning: ${warning}`, 9, 0)).join('\n'));
  return parts.join('\n\n');
}

function devicesText({ devices, unsure, data, identification, rules }: IdentifyResult): string {
  const truth = identification?.perDevice;
  const rows = [...devices]
    .sort((a, b) => b.packets - a.packets)
    .map((device) => [
      device.name,
      device.category === null ? '' : device.seen ? 'yes' : device.packets < rules.fewest ? 'no' : 'unclear',
      formatCount(device.packets),
      formatPercent(device.packetShare),
      formatPercent(device.byteShare),
      device.confidence === null ? '–' : device.confidence.toFixed(2),
      ...(truth
        ? [formatCount(truth[device.name]?.support ?? 0), formatPercent(truth[device.name]?.recall ?? null)]
        : []),
    ]);
  const share = (part: number, whole: number) => formatPercent(whole === 0 ? null : part / whole);
  rows.push([
    '(unsure)',
    '',
    formatCount(unsure.packets),
    share(unsure.packets, data.packets),
    share(unsure.bytes, data.bytes),
    '–',
    ...(truth ? ['–', '–'] : []),
  ]);
  return table(
    [
      { title: 'device', shrink: true },
      { title: 'seen' },
      { title: 'packets', align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'bytes', align: 'right' },
      { title: 'confidence', align: 'right' },
      ...(truth
        ? [
            { title: 'truly', align: 'right' as const },
            { title: 'recall', align: 'right' as const },
          ]
        : []),
    ],
    rows,
    WIDTH,
  );
}

function scoresText({ unknown }: IdentifyResult, scores: NonNullable<IdentifyResult['identification']>): string {
  const lines = wrap(
    `Against the labels: ${formatPercent(scores.accuracy)} of packets named right (chance ${formatPercent(scores.chance)}, majority ${formatPercent(scores.majority)}), macro-F1 ${scores.macroF1.toFixed(3)}.`,
  );
  const others = Object.entries(unknown ?? {});
  if (others.length > 0) {
    const packets = others.reduce((sum, [, count]) => sum + count, 0);
    lines.push(
      ...wrap(
        `Not scored: ${formatCount(packets)} packets of ${others.map(([name]) => name).join(', ')}, which the model does not know.`,
      ),
    );
  }
  return lines.join('\n');
}

/** One line per device that was seen at all, one character per stretch; in blocks where they do not fit in a line. */
function presenceText({ devices }: IdentifyResult, presence: NonNullable<IdentifyResult['presence']>): string {
  const shown = devices.flatMap(({ name, category }, c) =>
    category !== null && presence.some(({ seen }) => seen[c]) ? [{ name, c }] : [],
  );
  const minutes = Math.round((presence[0]!.to - presence[0]!.from) / 60);
  const head = `Seen over time, ${minutes} min to a character: # seen, . attributed packets but too few`;
  if (shown.length === 0) return wrap('Seen over time: none in any stretch.').join('\n');
  const names = shown.map(({ name }) => fitName(name, 24));
  const margin = Math.max(...names.map((name) => stringWidth(name)));
  // Whole days or half days to a line, where stretches are hours.
  const room = WIDTH - margin - 2;
  const perLine = room >= 48 ? 48 : 24;
  const lines = wrap(head);
  for (let at = 0; at < presence.length; at += perLine) {
    const block = presence.slice(at, at + perLine);
    lines.push(`${formatTime(block[0]!.from)} to ${formatTime(block.at(-1)!.to)} UTC`);
    for (const [i, { c }] of shown.entries()) {
      const marks = block.map(({ seen, attributed }) => (seen[c] ? '#' : attributed[c]! > 0 ? '.' : ' ')).join('');
      lines.push(`  ${pad(names[i]!, margin)}  ${marks}`.trimEnd());
    }
  }
  return lines.join('\n');
}

function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
}
