import type { CommandModule } from 'yargs';
import { checkModelPath, saveModel } from '../harness/observer/model-folder.js';
import { runTraining, type TrainedModel } from '../harness/observer/train.js';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { attackOf } from '../harness/plugins/registry.js';
import { resolveTraining } from '../harness/spec.js';
import { trainRequest } from '../result/request.js';
import { addRequestOptions, type DataOptions, requestOf } from './data-options.js';
import { Interrupted, interruptible } from './interrupt.js';
import {
  createProgressLine,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  table,
  wrap,
} from './terminal.js';

interface TrainOptions extends DataOptions {
  out: string;
  json: boolean;
}

const command: CommandModule<object, TrainOptions> = {
  command: 'train',
  describe: 'Train an attack and keep it: a folder with model.onnx and card.json, for identify',
  builder: (yargs) =>
    addRequestOptions(yargs, trainRequest)
      .option('out', { type: 'string', default: 'homeveil-model', describe: 'Folder for the model' })
      .option('json', { type: 'boolean', default: false, describe: "Print the model's card as JSON" })
      .example('$0 train --attack blstm --data captures/ --labels labels.csv --out model/', '')
      .example('$0 train --quick --train-share 1', 'train on all of a synthetic home, without a test')
      .epilogue(
        'Ctrl-C ends the training of lstm and blstm: the best model so far is saved. Ctrl-C again leaves nothing.',
      ),
  handler: async (options) => {
    const started = performance.now();
    const { plugin = [], threads, out, json } = options;
    const plugins = await loadPlugins(plugin);
    const spec = resolveTraining(requestOf(options, trainRequest), plugins);
    checkModelPath(out);
    // An attack without rounds has nothing to keep before its end: then Ctrl-C ends all at once.
    const hasRounds = attackOf(spec.attacks[0]!, plugins).validates ?? false;
    const progress = createProgressLine();
    const train = (signal?: AbortSignal) => runTraining(spec, { plugins, threads, signal, ...progress });
    let trained: TrainedModel;
    try {
      trained = await (hasRounds ? interruptible(train) : train());
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      progress.end();
      console.error('homeveil: interrupted before anything was learnt; no model is written');
      process.exitCode = error.exitCode;
      return;
    } finally {
      progress.end();
    }
    saveModel(out, trained);
    if (json) console.log(JSON.stringify(trained.card, null, 2));
    else console.log(print(trained, out, (performance.now() - started) / 1000));
  },
};

export default command;

function print({ card, dataset, warnings }: TrainedModel, out: string, seconds: number): string {
  const { attack, classes, data, defense, scores } = card;
  const devices = classes.filter(({ category }) => category !== null).length;
  const under = defense.label === 'none' ? '' : ` under ${defense.label}`;
  const lines = [
    ...wrap(
      `${data.name}${data.test?.name === undefined ? '' : `, tested on ${data.test.name}`}: ${devices} devices, ${formatCount(dataset.packets)} packets in the ${card.view.label} view${under}, mix ${card.mix}`,
    ),
    '',
  ];
  if (scores) {
    const interval = scores.accuracyLow === null ? '' : ` (${percents(scores.accuracyLow, scores.accuracyHigh!)})`;
    lines.push(
      ...wrap(
        `${attack.label} names ${formatPercent(scores.accuracy)}${interval} of the ${formatCount(data.test!.packets)} later packets right; chance ${formatPercent(scores.chance)}, majority ${formatPercent(scores.majority)}, macro-F1 ${scores.macroF1.toFixed(3)}`,
      ),
      '',
      table(
        [
          { title: 'device', shrink: true },
          { title: 'packets', align: 'right' },
          { title: 'precision', align: 'right' },
          { title: 'recall', align: 'right' },
          { title: 'F1', align: 'right' },
        ],
        Object.entries(scores.perDevice).map(([name, { support, precision, recall, f1 }]) => [
          name,
          formatCount(support),
          formatPercent(precision),
          formatPercent(recall),
          f1 === null ? '–' : f1.toFixed(3),
        ]),
      ),
      '',
    );
  } else {
    lines.push(
      ...wrap(`${attack.label} is trained on all ${formatCount(data.train.packets)} packets and not tested`),
      '',
    );
  }
  const notes = [...warnings];
  if (data.synthetic) notes.push('the synthetic home is invented: this model knows no real device');
  if (card.interrupted) notes.push('training was interrupted: the model is the best that there was by then');
  if (notes.length > 0) lines.push(...notes.flatMap((note) => wrap(`warning: ${note}`, 9, 0)), '');
  lines.push(`${out}: model.onnx (${formatBytes(card.model.bytes)}) and card.json (${formatDuration(seconds)})`);
  return lines.join('\n');
}

function percents(low: number, high: number): string {
  return `${(100 * low).toFixed(1)} to ${formatPercent(high)}`;
}
