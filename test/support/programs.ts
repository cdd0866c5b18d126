import { spawnSync } from 'node:child_process';

/** Lists tshark's objections to a capture, all checksums checked: malformed packets, bad checksums, errors. */
export function complaintsOfTshark(path: string): string {
  const checks = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);
  const filter = '_ws.malformed || _ws.expert.group == "Checksum" || _ws.expert.severity == "Error"';
  return run('tshark', ['-r', path, ...checks, '-Y', filter]);
}

/** Lines in which tcpdump says that something is wrong; it marks what it cannot read with [|name]. */
export function complaintsOfTcpdump(path: string): string {
  const text = run('tcpdump', ['-vnn', '-r', path]);
  const lines = text.split('\n');
  return lines.filter((line) => /\[\||\bbad\b|incorrect|truncated|invalid|malformed/i.test(line)).join('\n');
}

function run(program: string, args: string[]): string {
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout;
}
