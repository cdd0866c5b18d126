import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../src/lab/namespaces.js';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** Begins a command line of somebody without rights, to be completed by a command of homeveil. */
export const asNobody = [
  ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'],
  process.execPath,
  main,
];

/** The real command line on a host, not waited for. */
export const startOn = (host: Host, ...args: string[]) => startOnWith({}, host, ...args);

/** The same, with more in its environment. */
export function startOnWith(environment: Readonly<Record<string, string>>, host: Host, ...args: string[]) {
  const more = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const child = host.start('env', [...more, process.execPath, main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { stdout: '', stderr: '' };
  child.stdout!.on('data', (chunk) => {
    printed.stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    printed.stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, printed, ended };
}

/** Waits until `condition` holds, asked often; the test's own time limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Fields of each packet of a capture, as tshark reads it. */
export function fieldsOf(path: string, fields: readonly string[], filter = ''): string[][] {
  const args = ['-r', path, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
  const out = execFileSync('tshark', filter === '' ? args : [...args, '-Y', filter], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 26,
  });
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'));
}
