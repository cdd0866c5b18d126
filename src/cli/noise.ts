import type { CommandModule } from 'yargs';
import { builtIns, defenseOf, resolveDefense } from '../harness/plugins/registry.js';
import { type NoiseConfig, readNoiseConfig, resolveNoiseConfig } from '../noise/config.js';
import type { NoiseEvent } from '../noise/events.js';
import { serveMetrics } from '../noise/metrics.js';
import { runNoise } from '../noise/run.js';
import { checkShape, type NoiseShape } from '../noise/shaped.js';
import { UsageError } from '../shared/errors.js';
import { parseDuration } from '../shared/quantities.js';
import { interruptible } from './interrupt.js';
import { createNoiseView } from './noise-view.js';
import { formatBytes, formatDuration, wrap } from './terminal.js';

interface NoiseOptions {
  config?: string;
  for?: string;
  engine?: 'http' | 'browser';
  users?: number;
  shape?: string;
  shapeOn?: string;
  metrics?: number;
  json: boolean;
  dryRun?: boolean;
}

const command: CommandModule<object, NoiseOptions> = {
  command: 'noise',
  describe: 'Browse the web at random, politely and within budgets, as cover for your other traffic',
  builder: (yargs) =>
    yargs
      .option('config', {
        type: 'string',
        describe: "YAML or JSON (see homeveil schema noise), or noisy's config.json unchanged",
      })
      .option('for', { type: 'string', describe: 'End after 90s, 10m, 2h, 1d  [until Ctrl-C]' })
      .option('engine', { choices: ['http', 'browser'] as const, describe: 'Overrides the configuration' })
      .option('users', { type: 'number', describe: 'Number of virtual users; overrides the configuration' })
      .option('shape', {
        type: 'string',
        describe: 'Defense that decides when to make noise, and how much: front, dummy:…',
      })
      .option('shape-on', {
        type: 'string',
        describe: "Interface with the home's traffic, to which that defense reacts  [visits]",
      })
      .option('metrics', { type: 'number', describe: 'Serve Prometheus metrics on http://127.0.0.1:PORT/metrics' })
      .option('json', { type: 'boolean', default: false, describe: 'Print events, one JSON document a line' })
      .option('dry-run', { type: 'boolean', describe: 'Say what would be done, and send nothing' }),
  handler: async (given) => {
    const { json, dryRun, metrics: port } = given;
    const config = configOf(given);
    for (const warning of config.warnings) console.error(`warning: ${warning}`);
    const shape = given.shape === undefined ? null : shapeOf(given.shape);
    const shapeOn = given.shapeOn ?? null;
    if (shapeOn !== null && shape === null) throw new UsageError('--shape-on: expected --shape with it');
    if (dryRun) {
      console.log(
        json
          ? JSON.stringify({ ...config, shape: shape?.label ?? null, shapeOn }, null, 2)
          : describe(config, shape, shapeOn),
      );
      return;
    }
    const metrics = port === undefined ? null : await serveMetrics(port, config);
    const view = json ? { onEvent: printJson, end: () => {} } : createNoiseView(config);
    const onEvent = (event: NoiseEvent) => {
      metrics?.onEvent(event);
      view.onEvent(event);
    };
    try {
      await interruptible((signal) =>
        stopBy(signal, (stop) => runNoise(config, { signal: stop, onEvent, shape, shapeOn })),
      );
    } finally {
      view.end();
      await metrics?.close();
    }
  },
};

export default command;

/** Runs `work` with a signal that SIGTERM aborts too, since that stops a service. */
async function stopBy<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const terminated = new AbortController();
  const before = process.listeners('SIGTERM');
  process.removeAllListeners('SIGTERM');
  process.once('SIGTERM', () => terminated.abort());
  try {
    return await work(AbortSignal.any([signal, terminated.signal]));
  } finally {
    process.removeAllListeners('SIGTERM');
    for (const listener of before) process.on('SIGTERM', listener);
  }
}

const printJson = (event: NoiseEvent) => console.log(JSON.stringify(event));

function configOf({ config: path, for: duration, engine, users }: NoiseOptions): NoiseConfig {
  if (users !== undefined && !(Number.isInteger(users) && users >= 1 && users <= 64)) {
    throw new UsageError(`--users: expected 1 to 64, found ${users}`);
  }
  const config = path === undefined ? resolveNoiseConfig() : readNoiseConfig(path);
  return {
    ...config,
    engine: engine ?? config.engine,
    users: users ?? config.users,
    duration: duration === undefined ? config.duration : parseDuration(duration, '--for'),
  };
}

/** @throws UsageError where the text is not one defense, or that defense sends no cover */
function shapeOf(text: string): NoiseShape {
  const { label, parts } = resolveDefense(text);
  const [part] = parts;
  if (parts.length !== 1) throw new UsageError(`--shape ${label}: expected one defense, found ${parts.length}`);
  const shape = { label, applied: { defense: defenseOf(part!, builtIns), parameters: part!.parameters } };
  checkShape(shape);
  return shape;
}

function describe(config: NoiseConfig, shape: NoiseShape | null, shapeOn: string | null): string {
  const { users, roots, budgets, visitsPerHour, activeHours, rhythm, depth, dns, follow, limits, robots } = config;
  const texts = config.denyText.length;
  const hosts = [...new Set(roots.map((root) => new URL(root).host))];
  const [hour, day, month] = [budgets.perHour, budgets.perDay, budgets.perMonth].map(formatBytes);
  const pace = visitsPerHour === 0 ? 'one visit after another' : `${visitsPerHour} visits in the busiest hour`;
  const where = { site: 'the same site', roots: 'any root', any: 'anywhere' }[follow];
  const lines: [string, string][] = [
    [
      'engine',
      shape
        ? `${shape.label} decides when${shapeOn === null ? '' : `, shown what passes ${shapeOn}`}; the web client makes the requests`
        : config.engine,
    ],
    ['users', `${users}, each ${pace}`],
    ['hours', `${activeHours} h local time, ${rhythm === 'flat' ? 'evenly' : 'most in the evening'}`],
    [
      'visit',
      `${depth === 1 ? '1 page' : `${depth} pages`} at most, up to ${limits.resources} resources each, links to ${where}`,
    ],
    ['manners', `robots.txt ${robots ? 'obeyed' : 'ignored'}, ${config.siteDelay} s between pages of a site`],
    ['budgets', `${hour} an hour, ${day} a day, ${month} in 31 days`],
    ['limits', `${config.requestsPerMinute} requests a minute, ${config.connections} connections`],
    ['', `${formatBytes(limits.responseBytes)} and ${limits.responseTime} s a response`],
    ['DNS', dns.perHour === 0 ? 'no extra look-ups' : `${dns.perHour} extra look-ups in the busiest hour`],
    ['proxy', config.proxy.replace(/\/\/[^/@]*@/, '//…@') || 'none'],
    ['ends', config.duration === null ? 'when stopped' : `after ${formatDuration(config.duration)}`],
    ['state', config.state],
    ['denied', `${config.deny.length} domains, and the built-in list of trackers`],
    ...(texts === 0 ? [] : [['', `URLs that contain one of ${texts} texts`] as [string, string]]),
    ['roots', `${hosts.length} hosts: ${hosts.join(', ')}`],
  ];
  const text = lines.flatMap(([name, value]) => {
    const [first = '', ...rest] = wrap(value, 9);
    return [`${name.padEnd(9)}${first.trimStart()}`, ...rest];
  });
  return ['Nothing was sent. A run would use:', ...text].join('\n');
}
