import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createNetwork, type Host } from '../../src/lab/namespaces.js';
import { temporaryFolder } from './run-cli.js';
import { until } from './run-live.js';

/** Addresses of the machine that makes noise, of its router, and of another device on the same link. */
export const OWN = ['192.168.7.2', '2a00:1450:4f00:1::2'] as const;
const OWN_PUBLIC = '203.1.7.2';
/** Addresses that the machine is given in the midst of a run. */
export const LATER = ['203.9.9.2', '2a00:1450:4e00:1::2'] as const;
const ROUTER = ['192.168.7.1', '2a00:1450:4f00:1::1'] as const;
const NEIGHBOUR = ['203.1.7.9', '2a00:1450:4f00:1::77'] as const;
export const RESOLVER = '93.184.216.53';
export const WEB = ['93.184.216.34', '2a00:1450:4009:80b::200e'] as const;

type Zone = Readonly<Record<string, readonly string[] | readonly (readonly string[])[]>>;

/** Names of a hostile domain, and what they lead to: all of it in the home, or of no host on the Internet. */
export const HOME_ZONE: Zone = {
  both: [WEB[0], '10.0.0.1'],
  both6: [WEB[0], 'fd00::1'],
  bothhome: [WEB[0], NEIGHBOUR[1]],
  private10: ['10.0.0.1'],
  private172: ['172.16.0.1'],
  router: [ROUTER[0]],
  lo: ['127.0.0.1'],
  linklocal: ['169.254.169.254'],
  cgnat: ['100.64.0.1'],
  multicast: ['224.0.0.251'],
  broadcast: ['255.255.255.255'],
  zero: ['0.0.0.0'],
  lo6: ['::1'],
  mapped: ['::ffff:10.0.0.1'],
  mappedown: [`::ffff:${OWN_PUBLIC}`],
  nat64: ['64:ff9b::a00:1'],
  nat64own: ['64:ff9b::cb01:702'],
  nat64local: ['64:ff9b:1::a00:1'],
  sixtofour: ['2002:a00:1::1'],
  isatap: ['2a00:1450:4009:9:0:5efe:a00:1'],
  ula: ['fd00::1'],
  linklocal6: ['fe80::1'],
  multicast6: ['ff02::fb'],
  own: [OWN[0]],
  own6: [OWN[1]],
  ownpublic: [OWN_PUBLIC],
  neighbour: [NEIGHBOUR[0]],
  neighbour6: [NEIGHBOUR[1]],
  router6: [ROUTER[1]],
  otherlink6: ['2a00:1450:4f00:2::1'],
  routed: ['198.51.7.1'],
  later: [LATER[0]],
  later6: [LATER[1]],
  rebind: [[WEB[0]], ['10.0.0.1']],
  rebindhome: [[WEB[0]], [NEIGHBOUR[0]]],
};

const script = fileURLToPath(new URL('./hostile-internet.mjs', import.meta.url));

/** Packets that the hostile Internet has seen. */
interface Asked {
  readonly to?: string;
  readonly host?: string;
  readonly url?: string;
  /** That was looked up. */
  readonly name?: string;
}

export interface HostileNetwork {
  readonly machine: Host;
  readonly asked: Asked[];
  /** IP bytes that have passed the machine's interface, by its own counters. */
  carried(): number;
  /** Captures on the machine's interface until the returned function is called, which returns the path. */
  capture(filter: string): Promise<() => Promise<string>>;
  close(): void;
}

/**
 * A machine, and on the other end of its cable all the rest: its router, a neighbour with a global address, and an Internet that means harm. The
 * other end takes every address for its own, so that whatever leaves the machine arrives somewhere.
 */
export async function createHostileNetwork(
  zone: Zone,
  kind: 'greedy' | 'curious' = 'curious',
): Promise<HostileNetwork> {
  const network = createNetwork();
  try {
    const [machine, rest] = [network.host(), network.host()];
    network.cable(machine, rest, ['eth0', 'eth0']);
    for (const [host, addresses] of [
      [machine, [`${OWN[0]}/24`, `${OWN[1]}/64`, `${OWN_PUBLIC}/24`]],
      [rest, [`${ROUTER[0]}/24`, `${ROUTER[1]}/64`, `${NEIGHBOUR[0]}/24`, `${NEIGHBOUR[1]}/64`]],
    ] as const) {
      for (const address of addresses)
        host.run('ip', 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
    }
    machine.run('ip', 'route', 'add', 'default', 'via', ROUTER[0]);
    machine.run('ip', '-6', 'route', 'add', 'default', 'via', ROUTER[1]);
    // A network on the link in which the machine has no address.
    machine.run('ip', 'route', 'add', '198.51.7.0/24', 'dev', 'eth0');
    rest.run('ip', 'route', 'add', 'local', '0.0.0.0/0', 'dev', 'lo');
    rest.run('ip', '-6', 'route', 'add', 'local', '::/0', 'dev', 'lo');
    machine.resolveBy(RESOLVER);
    const server = rest.start(process.execPath, [script, RESOLVER, WEB[0], JSON.stringify(zone), kind], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const asked: (Asked | 'ready')[] = [];
    let rests = '';
    server.stdout!.on('data', (chunk) => {
      const lines = `${rests}${chunk}`.split('\n');
      rests = lines.pop()!;
      for (const line of lines) asked.push(JSON.parse(line));
    });
    await until(() => asked.length > 0);
    asked.shift();
    return {
      machine,
      asked: asked as Asked[],
      carried() {
        const counters = machine.run('cat', '/proc/net/dev');
        const [received = 0, packets = 0, , , , , , , sent = 0, sentPackets = 0] = /eth0:(.*)/
          .exec(counters)![1]!
          .trim()
          .split(/\s+/)
          .map(Number);
        return received + sent - 14 * (packets + sentPackets);
      },
      async capture(filter) {
        const path = join(temporaryFolder(), 'capture.pcap');
        const child = machine.start('tcpdump', ['-i', 'any', '-n', '-U', '-s', '200', '-w', path, filter], {
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        let said = '';
        child.stderr!.on('data', (chunk) => {
          said += chunk;
        });
        await until(() => said.includes('listening'));
        return async () => {
          const ended = new Promise((resolve) => child.once('exit', resolve));
          child.kill('SIGINT');
          await ended;
          return path;
        };
      },
      close: () => network.close(),
    };
  } catch (error) {
    network.close();
    throw error;
  }
}

/** Writes a configuration for noise without rest. @returns its path */
export function writeConfig(
  more: string,
  moreIn: (folder: string) => string = () => '',
): { config: string; state: string } {
  const folder = temporaryFolder();
  const [config, state] = [join(folder, 'noise.yaml'), join(folder, 'state.json')];
  writeFileSync(
    config,
    `roots: ['http://www.hv-evil.com/']
follow: any
depth: 1000
visitsPerHour: 0
pause: 0
minPause: 0
maxPause: 0
siteDelay: 0
activeHours: 0-24
rhythm: flat
requestsPerMinute: 100000
robots: false
state: ${state}
${more}${moreIn(folder)}`,
  );
  return { config, state };
}

/** Bytes that a state file counts: spent in the last hour, and what may have been used since. */
export function countedIn(state: string): number {
  const { hour, ahead } = JSON.parse(readFileSync(state, 'utf8')) as {
    hour: [number, number][];
    ahead: { bytes: number };
  };
  return hour.reduce((sum, [, bytes]) => sum + bytes, ahead.bytes);
}
