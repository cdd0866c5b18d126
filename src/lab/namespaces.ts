import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A network namespace: a separate host that reaches only the hosts it is linked to. */
export interface Host {
  /** Name of the namespace for `ip netns`. */
  readonly name: string;
  /** Runs a command there and waits for it. @returns its standard output. @throws where it fails */
  run(command: string, ...args: string[]): string;
  /** Makes `address` the only resolver of names there. */
  resolveBy(address: string): void;
  /** Starts a command there, which is killed when the network is closed. */
  start(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
}

export interface Network {
  host(): Host;
  /** Joins two hosts by a cable. Its ends have the given names, are up, and have no addresses. */
  cable(a: Host, b: Host, names: readonly [string, string]): void;
  /** Joins two hosts by a cable whose ends have addresses such as 10.77.0.1/24. */
  link(a: Host, b: Host, ends: { readonly names: [string, string]; readonly addresses: [string, string] }): void;
  /** Kills the processes that still run and removes all hosts. */
  close(): void;
}

/** Folder with the configurations of namespaces; see ip-netns(8). */
const CONFIGURATIONS = '/etc/netns';

/** Explains why no namespaces can be made here; null where they can. */
export function whyNoNamespaces(): string | null {
  const name = `hv-${randomBytes(4).toString('hex')}`;
  const { status, stderr, error } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (error || status !== 0) return `no network namespaces: ${error?.message ?? stderr.trim()}`;
  spawnSync('ip', ['netns', 'delete', name]);
  return null;
}

/** Creates a network of hosts, each in its own namespace. None of them is linked to this machine's network. */
export function createNetwork(): Network {
  const prefix = `hv-${randomBytes(3).toString('hex')}`;
  const hosts: Host[] = [];
  const children = new Set<ChildProcess>();
  const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' });
  const cable: Network['cable'] = (a, b, names) => {
    ip('-n', a.name, 'link', 'add', names[0], 'type', 'veth', 'peer', 'name', names[1], 'netns', b.name);
    for (const [i, host] of [a, b].entries()) {
      // No packets larger than what is on a wire: the system would otherwise hand over segments merged.
      host.run('ip', 'link', 'set', names[i]!, 'gso_max_segs', '1', 'up');
    }
  };
  return {
    host() {
      const name = `${prefix}-${hosts.length}`;
      ip('netns', 'add', name);
      const host: Host = {
        name,
        run: (command, ...args) =>
          execFileSync('ip', ['netns', 'exec', name, command, ...args], {
            encoding: 'utf8',
            maxBuffer: 1 << 28,
            stdio: 'pipe',
          }),
        resolveBy(address) {
          // `ip netns exec` mounts this file over /etc/resolv.conf.
          mkdirSync(join(CONFIGURATIONS, name), { recursive: true });
          writeFileSync(join(CONFIGURATIONS, name, 'resolv.conf'), `nameserver ${address}\n`);
        },
        start(command, args, options = {}) {
          const child = spawn('ip', ['netns', 'exec', name, command, ...args], options);
          children.add(child);
          child.once('exit', () => children.delete(child));
          return child;
        },
      };
      hosts.push(host);
      host.run('ip', 'link', 'set', 'lo', 'up');
      return host;
    },
    cable,
    link(a, b, { names, addresses }) {
      cable(a, b, names);
      for (const [i, host] of [a, b].entries()) host.run('ip', 'address', 'add', addresses[i]!, 'dev', names[i]!);
    },
    close() {
      for (const child of children) child.kill('SIGKILL');
      for (const { name } of hosts) {
        spawnSync('ip', ['netns', 'delete', name]);
        rmSync(join(CONFIGURATIONS, name), { recursive: true, force: true });
      }
    },
  };
}
