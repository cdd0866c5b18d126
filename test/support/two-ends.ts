import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createNetwork, type Host, type Network } from '../../src/lab/namespaces.js';
import { writeKey } from '../../src/live/tunnel/key.js';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** A frame as tshark read it off the wire. */
interface WireFrame {
  readonly time: number;
  readonly length: number;
  /** Addresses and ports of both sides. */
  readonly from: string;
  readonly to: string;
}

/** A home and a far end, and between them a provider who looks on. */
export interface Stretch {
  readonly network: Network;
  readonly home: Host;
  readonly far: Host;
  /** Starts an end of the tunnel, and waits until it listens. */
  startEnd(which: 'home' | 'far', defense: string, ...more: string[]): Promise<ChildProcess>;
  /** Runs a program of Node, given as text, and waits until it has printed `ready`. */
  startNode(host: Host, text: string): Promise<ChildProcess>;
  /** Begins to capture at the provider. @returns what ends it, and reads it with tshark */
  capture(): Promise<() => Promise<WireFrame[]>>;
  readonly folder: string;
  close(): void;
}

const FAR = '10.77.1.1';

export function createStretch(): Stretch {
  const network = createNetwork();
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-tunnel-'));
  const [home, provider, far] = [network.host(), network.host(), network.host()];
  network.link(home, provider, { names: ['eth0', 'eth0'], addresses: ['10.77.0.1/24', '10.77.0.2/24'] });
  network.link(provider, far, { names: ['eth1', 'eth0'], addresses: ['10.77.1.2/24', `${FAR}/24`] });
  provider.run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  home.run('ip', 'route', 'add', 'default', 'via', '10.77.0.2');
  far.run('ip', 'route', 'add', 'default', 'via', '10.77.1.2');
  const key = join(folder, 'key');
  writeKey(key);

  const startUntil = async (host: Host, command: string, args: readonly string[], word: string) => {
    const child = host.start(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    await new Promise<void>((resolve, reject) => {
      const take = (chunk: Buffer) => {
        printed += chunk;
        if (printed.includes(word)) resolve();
      };
      child.stdout!.on('data', take);
      child.stderr!.on('data', take);
      child.once('exit', () => reject(new Error(`${command} ended: ${printed}`)));
    });
    return child;
  };

  let captures = 0;
  return {
    network,
    home,
    far,
    folder,
    startEnd: (which, defense, ...more) =>
      startUntil(
        which === 'home' ? home : far,
        process.execPath,
        [
          ...[main, 'tunnel', '--key', key, '--defense', defense, '--for', '60s'],
          ...(which === 'home'
            ? ['--listen', '127.0.0.1:51821', '--peer', `${FAR}:51900`]
            : ['--listen', '0.0.0.0:51900', '--forward', '127.0.0.1:51820']),
          ...more,
        ],
        'tun-mtu',
      ),
    startNode: (host, text) => startUntil(host, process.execPath, ['-e', text], 'ready'),
    async capture() {
      const file = join(folder, `${captures++}.pcap`);
      const args = ['-i', 'eth0', '-s', '128', '-U', '--immediate-mode', '-Z', 'root', '-w', file, 'udp'];
      const tcpdump = await startUntil(provider, 'tcpdump', args, 'listening on');
      return async () => {
        await pause(100);
        tcpdump.kill('SIGINT');
        await once(tcpdump, 'exit');
        const fields = ['frame.time_epoch', 'frame.len', 'ip.src', 'udp.srcport', 'ip.dst', 'udp.dstport'];
        const { stdout } = spawnSync(
          'tshark',
          ['-r', file, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])],
          {
            encoding: 'utf8',
            maxBuffer: 1 << 28,
          },
        );
        return stdout
          .trim()
          .split('\n')
          .map((row) => {
            const [time, length, source, sourcePort, destination, port] = row.split('\t');
            return {
              time: Number(time),
              length: Number(length),
              from: `${source}:${sourcePort}`,
              to: `${destination}:${port}`,
            };
          });
      };
    },
    close() {
      network.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
