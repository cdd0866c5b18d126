import type { CommandModule } from 'yargs';
import { checkAttack } from '../conformance/check-attack.js';
import { checkComposition, checkDefense } from '../conformance/check-defense.js';
import { checkView } from '../conformance/check-view.js';
import type { CheckResult, ConformanceReport } from '../conformance/report.js';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import {
  defenseOf,
  findPlugin,
  type Registry,
  resolveAttack,
  resolveDefense,
  resolveView,
} from '../harness/plugins/registry.js';
import type { ResolvedDefense, ResolvedPlugin } from '../result/result.js';
import { UsageError } from '../shared/errors.js';
import { parseRequest } from '../shared/parameters.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';
import { wrap } from './terminal.js';

interface CheckOptions extends PluginOption {
  files: string[];
  defense?: string[];
  attack?: string[];
  view?: string[];
  sets?: number;
  seed?: number;
  json: boolean;
}

const command: CommandModule<object, CheckOptions> = {
  command: 'check [files..]',
  describe: 'Hold a defense, an attack or a view of your own to the contract of its kind',
  builder: (yargs) =>
    addPluginOption(yargs)
      .positional('files', {
        type: 'string',
        array: true,
        default: [],
        describe: 'TypeScript or JavaScript files, or packages, with plug-ins: each is checked',
      })
      .option('defense', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Further parameters to check a defense with, name:key=value,...; or a+b',
      })
      .option('attack', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Parameters to check an attack with, in place of its defaults; where those take long',
      })
      .option('view', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Further parameters to check a view with',
      })
      .option('sets', {
        type: 'number',
        describe: 'Sets of parameters drawn by chance for each defense and view  [200]',
      })
      .option('seed', { type: 'number', describe: 'Seed of the traffic and the sets  [1]' })
      .option('json', { type: 'boolean', default: false, describe: 'The reports as JSON' })
      .example('$0 check ./my-defense.ts', '')
      .example('$0 check ./my-defense.ts --defense my-defense:delay=2 --defense my-defense+pad', ''),
  handler: async ({ files, plugin = [], defense = [], attack = [], view = [], sets, seed, json }) => {
    const others = await loadPlugins(plugin);
    const registry = await loadPlugins(files, others);
    const plan = planOf(registry, others, { defense, attack, view });
    const reports: ConformanceReport[] = [];
    for (const one of plan)
      reports.push(await one({ sets: wholeNumber('--sets', sets), seed: wholeNumber('--seed', seed) }));
    if (json) console.log(JSON.stringify(reports, null, 2));
    else console.log(reports.map(print).join('\n\n'));
    if (reports.some(({ passed }) => !passed)) process.exitCode = 1;
  },
};

export default command;

interface Chance {
  readonly sets?: number;
  readonly seed?: number;
}

type Task = (chance: Chance) => Promise<ConformanceReport>;

/** Lists what to check: all plug-ins of the files, then those that options name. */
function planOf(
  registry: Registry,
  others: Registry,
  named: Readonly<Record<'defense' | 'attack' | 'view', readonly string[]>>,
): Task[] {
  const own = (kind: 'attacks' | 'defenses' | 'views') => registry[kind].slice(others[kind].length);
  const singles = new Map(own('defenses').map(({ name }) => [name, [] as ResolvedPlugin[]]));
  const compositions: ResolvedDefense[] = [];
  for (const text of named.defense) {
    const resolved = resolveDefense(text, registry);
    const [part] = resolved.parts;
    if (resolved.parts.length > 1) compositions.push(resolved);
    else singles.set(part!.name, [...(singles.get(part!.name) ?? []), part!]);
  }
  const asked = named.attack.map((text) => ({
    name: resolveAttack(text, registry).name,
    given: parseRequest(text).given,
  }));
  const unasked = own('attacks')
    .filter(({ name }) => !asked.some((one) => one.name === name))
    .map(({ name }) => ({ name, given: {} }));
  const views = new Map(own('views').map(({ name }) => [name, [] as Record<string, unknown>[]]));
  for (const text of named.view) {
    const { name } = resolveView(text, registry);
    views.set(name, [...(views.get(name) ?? []), parseRequest(text).given]);
  }
  const tasks: Task[] = [
    ...[...singles].map(([name, requests]): Task => {
      const parameters = requests.map(({ label }) => parseRequest(label).given);
      return (chance) => checkDefense(findPlugin('defense', registry.defenses, name), { ...chance, parameters });
    }),
    ...compositions.map(({ label, parts }): Task => {
      const applied = parts.map((part) => ({ defense: defenseOf(part, registry), parameters: part.parameters }));
      return ({ seed }) => checkComposition(label, applied, seed);
    }),
    ...[...unasked, ...asked].map(({ name, given }): Task => {
      const attack = findPlugin('attack', registry.attacks, name);
      return ({ seed }) => checkAttack(attack, { parameters: given, seed });
    }),
    ...[...views].map(([name, parameters]): Task => {
      return (chance) => checkView(findPlugin('view', registry.views, name), { ...chance, parameters });
    }),
  ];
  if (tasks.length === 0) {
    throw new UsageError('expected something to check: a file with a plug-in, or --defense, --attack or --view');
  }
  return tasks;
}

function wholeNumber(option: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= 0)) return value;
  throw new UsageError(`${option}: expected a whole number, at least 0, found ${value}`);
}

const MARKS: Record<CheckResult['outcome'], string> = { ok: 'ok', failed: 'FAILED', warning: 'warning', skipped: '–' };
const MARGIN = 9;

function print({ kind, name, passed, checks }: ConformanceReport): string {
  const lines = [`${kind} ${name}`, ''];
  for (const check of checks) lines.push(...printCheck(check));
  const count = (outcome: CheckResult['outcome']) => checks.filter((check) => check.outcome === outcome).length;
  const [ok, failed, warnings, skipped] = [count('ok'), count('failed'), count('warning'), count('skipped')];
  const parts = [`${ok} ok`];
  if (failed > 0) parts.push(`${failed} FAILED`);
  if (warnings > 0) parts.push(warnings === 1 ? '1 warning' : `${warnings} warnings`);
  if (skipped > 0) parts.push(`${skipped} not checked`);
  lines.push('', `${name} ${passed ? 'keeps' : 'does not keep'} the contract: ${parts.join(', ')}`);
  return lines.join('\n');
}

function printCheck({ name, summary, outcome, message, detail }: CheckResult): string[] {
  const line = `${MARKS[outcome].padEnd(MARGIN)}${name}`;
  if (outcome === 'ok') {
    const counts = Object.entries(detail.counts ?? {}).map(([what, count]) => `${count} ${what}`);
    return [counts.length === 0 ? line : `${line} (${counts.join(', ')})`];
  }
  if (outcome === 'skipped') return [`${line}: ${message}`];
  const { parameters, traffic, seed } = detail;
  const where = [parameters, traffic, seed !== undefined && `seed ${seed}`].filter(Boolean).join('; ');
  return [
    line,
    ...wrap(message!, MARGIN),
    ...(where === '' ? [] : wrap(`with ${where}`, MARGIN)),
    ...wrap(`demanded: ${summary}`, MARGIN),
  ];
}
