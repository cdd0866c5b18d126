import { benchRequest, optionsOf } from './request.js';
import type { ResolvedSpec } from './result.js';

/**
 * The `homeveil bench` command that asks for `spec` again, every option written out, one per element:
 * `['homeveil bench', '--data captures', ...]`, quoted for a POSIX shell.
 */
export function benchCommand(spec: ResolvedSpec): string[] {
  const settings: Readonly<Record<string, unknown>> = { ...spec };
  return [
    'homeveil bench',
    ...spec.plugins.map(({ path }) => argument('plugin', path)),
    ...optionsOf(benchRequest).flatMap(({ key, flag, given }) =>
      [given ? given(spec) : settings[key]].flat().flatMap((value) => {
        if (value === undefined || value === null || value === false) return [];
        return value === true ? [`--${flag}`] : [argument(flag, String(value))];
      }),
    ),
  ];
}

function argument(option: string, value: string): string {
  // A value that begins with a dash would be taken for an option of its own.
  return `--${option}${value.startsWith('-') ? '=' : ' '}${quoted(value)}`;
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
