import type { ResolvedSpec } from './result.js';

/**
 * The `homeveil bench` command that asks for `spec` again, every option written out, one per element:
 * `['homeveil bench', '--data captures', ...]`, quoted for a POSIX shell.
 */
export function benchCommand(spec: ResolvedSpec): string[] {
  const parts = ['homeveil bench'];
  const add = (option: string, ...values: (string | number)[]) => {
    for (const value of values) parts.push(argument(option, String(value)));
  };
  const { data, split, live } = spec;
  if (live) parts.push('--live');
  add('plugin', ...spec.plugins.map(({ path }) => path));
  if (data.kind === 'synthetic') {
    add('hours', data.hours);
    if (data.profiles !== undefined) add('profiles', data.profiles);
  } else {
    if (data.train && data.test) {
      add('train', ...data.train);
      add('test', ...data.test);
    } else {
      add('data', ...data.paths);
    }
    add('labels', data.labels);
    if (data.duplicates) add('duplicates', data.duplicates);
  }
  if (split.by !== 'paths') add('split', split.by);
  if (split.train !== null) add('train-share', split.train);
  add('view', spec.view.label);
  add('mix', spec.mix);
  add('attack', ...spec.attacks.map((attack) => attack.label));
  add('defense', ...spec.defenses.map((defense) => defense.label));
  add('adversary', ...spec.adversaries, ...(spec.transfer ? ['transfer'] : []));
  add('unknown', ...[spec.unknown ?? []].flat());
  add('seeds', spec.seeds);
  add('seed', spec.seed);
  add('window', spec.window);
  add('stride', spec.stride);
  add('port', spec.port);
  add('minimum-packets', spec.minimumPackets);
  if (live && live.speed !== null) add('speed', live.speed);
  if (spec.capacity !== null) add('capacity', spec.capacity / 1e6);
  if (spec.maximumTrainPackets !== null) add('maximum-train-packets', spec.maximumTrainPackets);
  return parts;
}

function argument(option: string, value: string): string {
  // A value that begins with a dash would be taken for an option of its own.
  return `--${option}${value.startsWith('-') ? '=' : ' '}${quoted(value)}`;
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
