import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { whyNoNamespaces } from '../../src/lab/namespaces.js';
import { findBrowser } from '../../src/noise/engine-browser.js';
import {
  createHostileNetwork,
  HOME_ZONE,
  type HostileNetwork,
  LATER,
  OWN,
  RESOLVER,
  WEB,
  writeConfig,
} from '../support/hostile-network.js';
import { needs, noProgram } from '../support/needs.js';
import { noBrowser } from '../support/no-browser.js';
import { fieldsOf, startOnWith, until } from '../support/run-live.js';

/** Time limit that a busy machine keeps too. */
const SLOW = 180_000;

/** Beside TCP and UDP to these, the system's own neighbour discovery. */
const ALLOWED = new Set([`tcp ${WEB[0]} 80`, `udp ${RESOLVER} 53`]);

needs(whyNoNamespaces(), noProgram('tcpdump'), noProgram('tshark'), noBrowser()).describe(
  'a browser on pages that want to go past the gateway: WebRTC, WebTransport, QUIC, prefetches, the home',
  () => {
    let network: HostileNetwork;
    beforeAll(async () => {
      network = await createHostileNetwork(HOME_ZONE);
      for (const [address, bits] of [
        [LATER[0], '/24'],
        [LATER[1], '/64'],
      ])
        network.machine.run('ip', 'address', 'add', `${address}${bits}`, 'dev', 'eth0');
    });
    afterAll(() => network?.close());

    /** As a page of HTTPS, to which WebTransport and service workers are open. */
    const secured = (folder: string) => {
      const path = join(folder, 'chromium');
      writeFileSync(
        path,
        `#!/bin/sh\nexec '${findBrowser()}' "$@" --unsafely-treat-insecure-origin-as-secure=http://www.hv-evil.com\n`,
      );
      chmodSync(path, 0o755);
      chmodSync(folder, 0o755);
      return path;
    };
    /** Packets that the machine sent while a page tried everything, as `tcp 10.0.0.1 80`; names it looked up; its first line on the browser. */
    const visit = async (environment: Readonly<Record<string, string>>) => {
      const { machine, asked } = network;
      const { config } = writeConfig(
        'engine: browser\nusers: 1\nlimits: {resources: 300, responseTime: 10, pageTime: 30}\nconnections: 100\n',
        (folder) => `browser: ${secured(folder)}\n`,
      );
      const from = asked.length;
      const stopCapture = await network.capture('ip or ip6');
      const run = startOnWith(environment, machine, 'noise', '--config', config, '--json');
      await until(() => run.child.exitCode !== null || asked.slice(from).some(({ url }) => url?.startsWith('/ran')));
      await sleep(1500);
      run.child.kill('SIGINT');
      expect([await run.ended, run.printed.stderr]).toEqual([0, '']);
      const fields = ['ip.src', 'ip.dst', 'ipv6.dst', 'ip.proto', 'tcp.dstport', 'udp.dstport', 'icmpv6.type'];
      const sent = fieldsOf(await stopCapture(), fields).flatMap(([source, to, to6, protocol, tcp, udp, icmp6]) => {
        const isOurs = source === OWN[0] || (source === '' && icmp6 === '') || source === '192.0.2.1';
        return isOurs ? [`${tcp ? 'tcp' : udp ? 'udp' : `protocol ${protocol}`} ${to || to6} ${tcp || udp}`] : [];
      });
      const online = asked.slice(from).find(({ url }) => url?.startsWith('/ran'))!.url;
      const protection = JSON.parse(run.printed.stdout.split('\n').find((line) => line.includes('"type":"browser"'))!);
      return {
        sent: new Set(sent),
        names: new Set(asked.slice(from).flatMap(({ name }) => name ?? [])),
        online,
        protection,
      };
    };

    test(
      'in a network namespace of its own, nothing leaves but by the gateway, and nothing reaches the home',
      async () => {
        const { sent, names, online, protection } = await visit({});
        expect(protection).toMatchObject({ isolation: 'namespace', runsAs: 'nobody', sandbox: true });
        expect(online).toBe('/ran?true');
        expect([...sent].filter((one) => !ALLOWED.has(one))).toEqual([]);
        expect(sent.size).toBe(2);
        for (const name of ['stun-rtc', 'turn-rtc', 'dns-prefetch']) expect(names).not.toContain(`${name}.hv-evil.com`);
      },
      SLOW,
    );

    test(
      'with its flags alone, as where no namespace can be had, neither',
      async () => {
        // A PATH without the program that makes one.
        const { config } = writeConfig('');
        const bin = join(dirname(config), 'bin');
        mkdirSync(bin);
        for (const program of readdirSync('/usr/bin'))
          if (program !== 'unshare') symlinkSync(`/usr/bin/${program}`, join(bin, program));
        chmodSync(dirname(config), 0o755);
        const { sent, names, protection } = await visit({ PATH: bin });
        expect(protection).toMatchObject({ isolation: 'flags', runsAs: 'nobody', sandbox: true });
        expect([...sent].filter((one) => !ALLOWED.has(one))).toEqual([]);
        for (const name of ['stun-rtc', 'turn-rtc', 'dns-prefetch']) expect(names).not.toContain(`${name}.hv-evil.com`);
      },
      SLOW,
    );
  },
);
