import type { CommandModule } from 'yargs';
import { checkAttack } from '../conformance/check-attack.js';
import { checkComposition, checkDefense } from '../conformance/check-defense.js';
import type { CheckResult, ConformanceReport } from '../conformance/report.js';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { defenseOf, findPlugin, type Registry, resolveAttack, resolveDefense } from '../harness/plugins/registry.js';
import type { ResolvedDefense, ResolvedPlugin } from '../result/result.js';
import { UsageError } from '../shared/errors.js';
import { parseRequest } from '../shared/parameters.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';
import { wrap } from './terminal.js';

interface CheckOptions extends PluginOption {
  files: string[];
  defense?: string[];
  attack?: string[];
  sets?: number;
  seed?: number;
  json: boolean;
}

const command: CommandModule<object, CheckOptions> = {
  command: 'check [files..]',
  describe: 'Hold a defense or an attack of your own to the contract of its kind',
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
      .option('sets', { type: 'number', describe: 'Sets of parameters drawn by chance for each defense  [200]' })
      .option('seed', { type: 'number', describe: 'Of the traffic and the sets  [1]' })
      .option('json', { type: 'boolean', default: false, describe: 'The reports as JSON' })
      .example('$0 check ./my-defense.ts', '')
      .example('$0 check ./my-defense.ts --defense my-defense:delay=2 --defense my-defense+pad', ''),
  handler: async ({ files, plugin = [], defense = [], attack = [], sets, seed, json }) => {
    const others = await loadPlugins(plugin);
    const registry = await loadPlugins(files, others);
    const plan = planOf(registry, others, defense, attack);
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

/** What there is to check: all of the files, then what is asked for by name. */
function planOf(registry: Registry, others: Registry, defenses: readonly string[], attacks: readonly string[]): Task[] {
  const singles = new Map(
    registry.defenses.slice(others.defenses.length).map(({ name }) => [name, [] as ResolvedPlugin[]]),
  );
  const compositions: ResolvedDefense[] = [];
  for (const text of defenses) {
    const resolved = resolveDefense(text, registry);
    const [part] = resolved.parts;
    if (resolved.parts.length > 1) compositions.push(resolved);
    else singles.set(part!.name, [...(singles.get(part!.name) ?? []), part!]);
  }
  const asked = attacks.map((text) => ({ name: resolveAttack(text, registry).name, given: parseRequest(text).given }));
  const unasked = registry.attacks
    .slice(others.attacks.length)
    .filter(({ name }) => !asked.some((one) => one.name === name))
    .map(({ name }) => ({ name, given: {} }));
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
  ];
  if (tasks.length === 0) {
    throw new UsageError('expected something to check: a file with a defense or an attack, or --defense or --attack');
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
