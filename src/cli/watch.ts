import { availableParallelism } from 'node:os';
import type { CommandModule } from 'yargs';
import { loadModel } from '../harness/observer/model-folder.js';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { ENGINES, type EngineName } from '../live/capture/rights.js';
import { UsageError } from '../shared/errors.js';
import { parseDuration } from '../shared/quantities.js';
import type { Duplicates } from '../trace/read/duplicates.js';
import { createNoiseCommand } from '../watch/noise-command.js';
import { parsePlace, serveWatch, type WatchServer } from '../watch/server.js';
import { DEFAULT_COMPARISON, type WatchControls, type WatchRequest, type WatchView, watch } from '../watch/watch.js';
import { DUPLICATES_OPTION } from './data-options.js';
import { interruptible } from './interrupt.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';
import { createScreen, withProgress } from './terminal.js';
import { summaryLines, watchLine, watchLines } from './watch-text.js';

interface WatchOptions extends PluginOption {
  interface?: string;
  pcap?: string;
  model: string;
  labels?: string;
  duplicates?: Duplicates;
  span: string;
  for?: string;
  speed?: number;
  hold: boolean;
  page: string;
  compare?: string;
  periods: number;
  on?: string;
  filter?: string;
  engine?: EngineName;
  every: string;
  threads: number;
  json: boolean;
}

const command: CommandModule<object, WatchOptions> = {
  command: 'watch',
  describe: 'Show live what an observer with a trained model concludes, with and without noise',
  builder: (yargs) =>
    addPluginOption(yargs)
      .option('interface', {
        alias: 'i',
        type: 'string',
        describe: 'Watch an interface: a name of homeveil interfaces',
      })
      .option('pcap', { type: 'string', describe: 'Watch a capture (pcap or pcapng) instead' })
      .option('model', { type: 'string', demandOption: true, describe: 'Folder that homeveil train wrote' })
      .option('duplicates', DUPLICATES_OPTION)
      .option('labels', {
        type: 'string',
        describe: 'CSV or YAML file that gives your devices the names the model knows; answers are then scored',
      })
      .option('span', { type: 'string', default: '10m', describe: 'Length of the recent past that is shown' })
      .option('for', { type: 'string', describe: 'End after 90s, 10m, 2h  [until Ctrl-C]' })
      .option('speed', { type: 'number', describe: 'With --pcap: times as fast as recorded  [as fast as possible]' })
      .option('hold', { type: 'boolean', default: false, describe: 'With --pcap: keep the page open until Ctrl-C' })
      .option('page', {
        type: 'string',
        default: '0',
        describe: 'Port of the page on 127.0.0.1, 0 for a free one, or off',
      })
      .option('compare', {
        type: 'string',
        describe: 'Compare with the noise off and on, in periods of this length, such as 10m',
      })
      .option('periods', { type: 'number', default: DEFAULT_COMPARISON.pairs, describe: 'Number of times off and on' })
      .option('on', { type: 'string', describe: 'Command that makes noise, run during the periods with noise' })
      .option('filter', { type: 'string', describe: 'Capture filter, in the syntax of tcpdump' })
      .option('engine', { choices: ENGINES, describe: 'Capture engine  [the first that works]' })
      .option('every', {
        type: 'string',
        default: '10s',
        describe: 'Time between lines, with --json or without a terminal',
      })
      .option('threads', { type: 'number', default: availableParallelism(), describe: 'Threads' })
      .option('json', { type: 'boolean', default: false, describe: 'JSON lines on stdout' })
      .example('$0 watch -i eth1 --model model/', '')
      .example('$0 watch -i eth1 --model model/ --compare 10m --on ./noise.sh', 'before and after, switched for you')
      .epilogue(
        [
          'The packets are of the home, from inside or at its gateway; the view of the model is applied to them. What is concluded by the end of a capture is what identify concludes of it.',
          'Keys: b compares before and after, c cancels that, Enter says that the noise is switched, q ends.',
          'Noise is what the model calls so: only a model that was trained with a defense that makes cover can.',
        ].join('\n'),
      ),
  handler: async (options) => {
    const request = readOptions(options);
    const place = options.page === 'off' ? null : parsePlace(options.page);
    const every = parseDuration(options.every, '--every') * 1000;
    const plugins = await loadPlugins(options.plugin ?? []);
    let server: WatchServer | null = null;
    const display = createDisplay(options.json ? 'json' : process.stdout.isTTY ? 'terminal' : 'lines', every);
    try {
      const last = await withProgress(async ({ onProgress, onWarning }) => {
        const model = await loadModel(options.model, { plugins, threads: options.threads, onWarning });
        const start = async (controls: WatchControls): Promise<void> => {
          if (place !== null) server = await serveWatch(place, controls);
          display.start(controls, server?.url ?? null);
        };
        const onView = (view: WatchView): void => {
          server?.show(view);
          display.show(view);
        };
        return interruptible((signal) => watch(model, request, signal, onView, start, onProgress));
      });
      display.end(last);
    } finally {
      display.close();
      await (server as WatchServer | null)?.close();
    }
  },
};

export default command;

function readOptions(options: WatchOptions): WatchRequest {
  const { interface: name, pcap, compare, on, periods } = options;
  const isLive = pcap === undefined;
  for (const option of ['compare', 'on', 'filter', 'engine'] as const) {
    if (!isLive && options[option] !== undefined)
      throw new UsageError(`--${option}: expected an interface (-i), found --pcap`);
  }
  if (isLive && (options.speed !== undefined || options.hold)) {
    throw new UsageError(`--${options.hold ? 'hold' : 'speed'}: expected --pcap, found -i`);
  }
  const isWithoutHands = options.page === 'off' && !(process.stdin.isTTY && process.stdout.isTTY && !options.json);
  if (compare !== undefined && on === undefined && isWithoutHands) {
    throw new UsageError('--compare: expected --on, or a page or terminal on which to confirm that the noise is on');
  }
  return {
    interface: name,
    pcap,
    filter: options.filter,
    engine: options.engine,
    labels: options.labels,
    duplicates: options.duplicates,
    span: parseDuration(options.span, '--span'),
    seconds: options.for === undefined ? undefined : parseDuration(options.for, '--for'),
    speed: options.speed,
    hold: options.hold,
    noise: on === undefined ? undefined : createNoiseCommand(on),
    comparison: {
      seconds: compare === undefined ? DEFAULT_COMPARISON.seconds : parseDuration(compare, '--compare'),
      pairs: periods,
      begin: compare !== undefined,
    },
  };
}

interface Display {
  start(controls: WatchControls, url: string | null): void;
  show(view: WatchView): void;
  end(last: WatchView): void;
  close(): void;
}

function createDisplay(kind: 'terminal' | 'lines' | 'json', every: number): Display {
  if (kind === 'terminal') return createTerminal();
  let printed = performance.now();
  return {
    start(_, url) {
      if (url !== null) console.error(`page: ${url}`);
    },
    show(view) {
      if (performance.now() - printed < every) return;
      printed = performance.now();
      console.log(kind === 'json' ? JSON.stringify(view) : watchLine(view));
    },
    end(last) {
      console.log(kind === 'json' ? JSON.stringify(last) : summaryLines(last).join('\n'));
    },
    close() {},
  };
}

/** Redraws in place, and reads keys. */
function createTerminal(): Display {
  const { stdin, stdout } = process;
  let url: string | null = null;
  const screen = createScreen(stdout);
  let controls: WatchControls = { comparison: null };
  let notice = '';
  const press = async (key: string): Promise<void> => {
    const now = Date.now() / 1000;
    notice = '';
    // In raw mode Ctrl-C is an ordinary key.
    if (key === '\x03' || key === 'q') process.kill(process.pid, 'SIGINT');
    else if (key === 'b' && controls.comparison !== null) await controls.comparison.start(now);
    else if (key === 'c') await controls.comparison?.cancel();
    else if (key === '\r' || key === '\n') controls.comparison?.confirm(now);
  };
  const onKey = (data: Buffer): void => {
    press(data.toString('latin1')).catch((error: Error) => {
      notice = error.message;
    });
  };
  return {
    start(given, place) {
      controls = given;
      url = place;
      if (!stdin.isTTY) return;
      stdin.setRawMode(true);
      stdin.resume();
      stdin.on('data', onKey);
    },
    show(view) {
      const rows = stdout.rows || 24;
      const columns = stdout.columns || 80;
      const lines = watchLines(view, url, { rows: notice === '' ? rows : rows - 1, columns });
      screen.draw(notice === '' ? lines : [...lines, notice]);
    },
    end(last) {
      screen.clear();
      console.log(summaryLines(last, Math.min(80, stdout.columns || 80)).join('\n'));
    },
    close() {
      if (!stdin.isTTY) return;
      stdin.off('data', onKey);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
