import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { whyNoNamespaces } from '../../../src/live/lab/namespaces.js';
import { needs, noProgram } from '../../support/needs.js';
import { fieldsOf, startOn, until } from '../run-live.js';
import {
  createHostileNetwork,
  type HostileNetwork,
  LATER,
  NEIGHBOUR,
  OWN,
  OWN_PUBLIC,
  RESOLVER,
  WEB,
  writeConfig,
} from './hostile-network.js';

/** Names of a hostile domain, and what they lead to: all of it in the home, or of no host on the Internet. */
export const ZONE: Readonly<Record<string, readonly string[] | readonly (readonly string[])[]>> = {
  both: [WEB[0], '10.0.0.1'],
  both6: [WEB[0], 'fd00::1'],
  bothhome: [WEB[0], NEIGHBOUR[1]],
  private10: ['10.0.0.1'],
  private172: ['172.16.0.1'],
  router: ['192.168.7.1'],
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
  router6: ['2a00:1450:4f00:1::1'],
  otherlink6: ['2a00:1450:4f00:2::1'],
  routed: ['198.51.7.1'],
  later: [LATER[0]],
  later6: [LATER[1]],
  rebind: [[WEB[0]], ['10.0.0.1']],
  rebindhome: [[WEB[0]], [NEIGHBOUR[0]]],
};

needs(whyNoNamespaces(), noProgram('tcpdump'), noProgram('tshark')).describe(
  'noise in a home, amid a hostile Internet',
  () => {
    let network: HostileNetwork;
    beforeAll(async () => {
      network = await createHostileNetwork(ZONE);
    });
    afterAll(() => network?.close());

    test('contacts hosts of the Internet and its resolver, and nothing at home, even what came to the home later', async () => {
      const { machine, asked } = network;
      const { config } = writeConfig(
        'users: 3\nlimits: {resources: 200, responseTime: 3, pageTime: 8}\nconnections: 100\n',
      );
      const stopCapture = await network.capture('tcp or udp or igmp or (ip6 and icmp6[0] == 143)');
      const { child, printed, ended } = startOn(machine, 'noise', '--config', config, '--json', '--for', '40s');
      await until(() => printed.stdout.includes('"type":"page"'));
      for (const address of [`${LATER[0]}/24`, `${LATER[1]}/64`]) {
        machine.run('ip', 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
      }
      // Until then these were addresses like others; connections to them end.
      await sleep(2000);
      const [from, since] = [asked.length, Date.now() / 1000];
      const names = () => new Set(asked.slice(from).map(({ name }) => name?.split('.')[0]));
      await until(() => child.exitCode !== null || Object.keys(ZONE).every((name) => names().has(name)));
      await until(
        () => child.exitCode !== null || asked.slice(from).filter(({ name }) => name?.startsWith('later')).length > 3,
      );
      child.kill('SIGINT');
      expect([await ended, printed.stderr]).toEqual([0, '']);
      // Nobody was asked for anything but the web server, whatever the name.
      expect(new Set(asked.slice(from).flatMap(({ to }) => to ?? []))).toEqual(new Set([`::ffff:${WEB[0]}`]));
      const packets = fieldsOf(await stopCapture(), ['frame.time_epoch', 'ip.dst', 'ipv6.dst']);
      const late = new Set<string>(LATER);
      const strangers = packets.filter(([time, ip, ip6]) => {
        const to = ip || ip6!;
        return ![WEB[0], RESOLVER, OWN[0]].includes(to) && !(late.has(to) && Number(time) < since);
      });
      expect(strangers).toEqual([]);
      expect(packets.length).toBeGreaterThan(50);
    });
  },
);
