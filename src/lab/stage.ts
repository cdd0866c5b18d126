import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { UsageError } from '../shared/errors.js';
import { createNetwork, type Host } from './namespaces.js';
import type { Script } from './script.js';

/**
 * Hosts of the lab, each in its own network namespace. None of them reaches this machine's network.
 *
 * ```
 *  devices (TCP timestamps) ──┐
 *  devices (without) ─────────┼─ lan ─ gateway ─ wan ─ internet
 *  browser ───────────────────┘                        │
 *                                                     web
 * ```
 */
export interface Stage {
  /** Hosts of the devices whose TCP sends timestamps, and of those whose TCP does not. */
  readonly devices: { readonly timestamps: Host; readonly plain: Host };
  /** IPv4 address of each device. */
  readonly addresses: readonly string[];
  /** Host that makes noise. */
  readonly browser: Host;
  readonly gateway: Host;
  readonly internet: Host;
  /** Host behind `internet` with the web that noise visits. */
  readonly web: Host;
  /** Interface names for a VPN, which {@link openVpn} opens. */
  readonly vpn: Vpn;
  close(): void;
}

/** Interfaces of the gateway, and addresses on them. */
export const WAN = 'wan';
export const GATEWAY_ADDRESS = '203.0.113.2';
export const INTERNET_ADDRESS = '203.0.113.1';
const LAN = 'lan';
const LAN_ADDRESS = '192.168.1.1';
const BROWSER_ADDRESS = '192.168.1.50';
const FIRST_DEVICE = 100;

/** Network of the lab's web. It looks like the Internet to an observer, and no script uses it. */
export const WEB_NETWORK = '100.64.0.0/16';
export const isOfWeb = (address: string): boolean => address.startsWith('100.64.');
export const RESOLVER_ADDRESS = '100.64.0.53';

/** A VPN from the gateway, run by wireguard-go. */
export interface Vpn {
  /** Names of its interfaces at the gateway and in the Internet. */
  readonly home: string;
  readonly far: string;
}

export const VPN_ADDRESS = '10.99.0.2';
const VPN_FAR_ADDRESS = '10.99.0.1';
export const VPN_PORT = 51_820;
/** Control socket of wireguard-go. All namespaces share its folder, and a killed process leaves it behind. */
const socketOf = (name: string): string => `/var/run/wireguard/${name}.sock`;

/** Creates the hosts of a script, on a machine that meets {@link findRequirements}. */
export function createStage(script: Script): Stage {
  const network = createNetwork();
  try {
    const [timestamps, plain, browser, gateway, internet, web] = Array.from({ length: 6 }, () => network.host());
    const sysctl = (host: Host, ...settings: string[]) => host.run('sysctl', '-q', '-w', ...settings);
    gateway!.run('ip', 'link', 'add', LAN, 'type', 'bridge');
    gateway!.run('ip', 'address', 'add', `${LAN_ADDRESS}/24`, 'dev', LAN);
    gateway!.run('ip', 'link', 'set', LAN, 'up');
    for (const [i, host] of [timestamps!, plain!, browser!].entries()) {
      network.cable(gateway!, host, [`lan${i}`, 'eth0']);
      gateway!.run('ip', 'link', 'set', `lan${i}`, 'master', LAN);
    }
    network.cable(gateway!, internet!, [WAN, WAN]);
    gateway!.run('ip', 'address', 'add', `${GATEWAY_ADDRESS}/24`, 'dev', WAN);
    internet!.run('ip', 'address', 'add', `${INTERNET_ADDRESS}/24`, 'dev', WAN);
    gateway!.run('ip', 'route', 'add', 'default', 'via', INTERNET_ADDRESS);
    sysctl(gateway!, 'net.ipv4.ip_forward=1');
    gateway!.run('nft', NAT);

    // A device without messages needs no host and no address.
    const lives = new Map(script.parts.map((part) => [part.device, part.timestamps ? timestamps! : plain!]));
    const addresses = script.devices.map((_, i) => `192.168.1.${FIRST_DEVICE + i}`);
    for (const [device, host] of lives) host.run('ip', 'address', 'add', `${addresses[device]}/24`, 'dev', 'eth0');
    browser!.run('ip', 'address', 'add', `${BROWSER_ADDRESS}/24`, 'dev', 'eth0');
    // The small TCP stacks of plugs and bulbs have no timestamps, window scaling or selective acknowledgements.
    sysctl(plain!, 'net.ipv4.tcp_timestamps=0', 'net.ipv4.tcp_window_scaling=0', 'net.ipv4.tcp_sack=0');
    for (const host of [timestamps!, plain!, browser!]) {
      if (host !== browser && ![...lives.values()].includes(host)) continue;
      host.run('ip', 'route', 'add', 'default', 'via', LAN_ADDRESS);
    }

    network.link(internet!, web!, { names: ['web', 'eth0'], addresses: ['10.98.0.1/24', '10.98.0.2/24'] });
    web!.run('ip', 'route', 'add', 'default', 'via', '10.98.0.1');
    web!.run('ip', 'link', 'set', 'lo', 'up');
    web!.run('ip', 'route', 'add', 'local', WEB_NETWORK, 'dev', 'lo');
    internet!.run('ip', 'route', 'add', WEB_NETWORK, 'via', '10.98.0.2');
    sysctl(internet!, 'net.ipv4.ip_forward=1');
    browser!.resolveBy(RESOLVER_ADDRESS);

    // All servers of the script are on this host, which takes any address routed to it as its own.
    const servers = new Set(script.parts.map(({ address }) => address));
    const routes = [...servers].map((address) => `route add local ${address}/32 dev lo\n`).join('');
    internet!.run('ip', 'link', 'set', 'lo', 'up');
    batch(internet!, routes);
    for (const host of [timestamps!, plain!, browser!, internet!, web!])
      sysctl(host, 'net.ipv4.tcp_slow_start_after_idle=0');
    const id = randomBytes(3).toString('hex');
    const names: Vpn = { home: `hv${id}h`, far: `hv${id}f` };
    return {
      devices: { timestamps: timestamps!, plain: plain! },
      addresses,
      ...{ browser: browser!, gateway: gateway!, internet: internet!, web: web!, vpn: names },
      close() {
        network.close();
        for (const name of Object.values(names)) rmSync(socketOf(name), { force: true });
      },
    };
  } catch (thrown) {
    network.close();
    throw thrown;
  }
}

/** NAT to one address that keeps free ports, and TCP segments clamped to the path behind. */
const NAT = `
table ip lab {
  chain out {
    type nat hook postrouting priority 100;
    oifname != "${LAN}" masquerade
  }
  chain fit {
    type filter hook forward priority 0;
    tcp flags syn tcp option maxseg size set rt mtu
  }
}`;

function batch(host: Host, commands: string): void {
  const { status, stderr } = spawnSync('ip', ['-n', host.name, '-batch', '-'], { input: commands, encoding: 'utf8' });
  if (status !== 0) throw new UsageError(`live: ip: ${stderr.trim()}`);
}

/**
 * Opens a VPN between gateway and Internet, and routes all of the home's traffic through it.
 * @param endpoint address and port that the gateway's end sends to: the other end, or a tunnel that carries the VPN
 */
export function openVpn({ gateway, internet, vpn }: Stage, endpoint: string, mtu: number): void {
  const script = (host: Host, text: string) => host.run('sh', '-ec', text).trim();
  const keys = [gateway, internet].map((host) => {
    const secret = script(host, 'wg genkey');
    return { secret, shared: script(host, `echo ${secret} | wg pubkey`) };
  });
  for (const [i, [host, name]] of (
    [
      [gateway, vpn.home],
      [internet, vpn.far],
    ] as const
  ).entries()) {
    host.start('wireguard-go', ['-f', name], { stdio: 'ignore' });
    script(
      host,
      `for i in $(seq 100); do ip link show ${name} >/dev/null 2>&1 && break; sleep 0.05; done
      echo ${keys[i]!.secret} | wg set ${name} private-key /dev/stdin`,
    );
  }
  script(
    internet,
    `wg set ${vpn.far} listen-port ${VPN_PORT} peer ${keys[0]!.shared} allowed-ips ${VPN_ADDRESS}/32
    ip address add ${VPN_FAR_ADDRESS}/24 dev ${vpn.far}; ip link set ${vpn.far} mtu ${mtu} up`,
  );
  script(
    gateway,
    `wg set ${vpn.home} peer ${keys[1]!.shared} allowed-ips 0.0.0.0/0 endpoint ${endpoint}
    ip address add ${VPN_ADDRESS}/24 dev ${vpn.home}; ip link set ${vpn.home} mtu ${mtu} up
    ip route replace default dev ${vpn.home}`,
  );
  // A keepalive starts the handshake, so that it is over before the capture.
  script(
    gateway,
    `peer=${keys[1]!.shared}
    wg set ${vpn.home} peer $peer persistent-keepalive 1
    for i in $(seq 200); do
      if wg show ${vpn.home} latest-handshakes | grep -qv '[[:space:]]0$'; then wg set ${vpn.home} peer $peer persistent-keepalive off; exit 0; fi
      sleep 0.05
    done
    exit 1`,
  );
}
