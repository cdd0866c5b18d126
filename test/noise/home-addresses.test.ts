import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { whyNoNamespaces } from '../../src/lab/namespaces.js';
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
import { fieldsOf, startOn, until } from '../support/run-live.js';

needs(whyNoNamespaces(), noProgram('tcpdump'), noProgram('tshark')).describe(
  'noise in a home, amid a hostile Internet',
  () => {
    let network: HostileNetwork;
    beforeAll(async () => {
      network = await createHostileNetwork(HOME_ZONE);
    });
    afterAll(() => network?.close());

    test('contacts hosts of the Internet and its resolver, and nothing at home, even what came to the home later', async () => {
      const { machine, asked } = network;
      const { config } = writeConfig(
        'users: 3\nlimits: {resources: 200, responseTime: 3, pageTime: 8}\nconnections: 100\n',
      );
      const stopCapture = await network.capture('tcp or udp or igmp or (ip6 and icmp6[0] == 143)');
      const { child, printed, ended } = startOn(machine, 'noise', '--config', config, '--json');
      await until(() => printed.stdout.includes('"type":"page"'));
      for (const address of [`${LATER[0]}/24`, `${LATER[1]}/64`]) {
        machine.run('ip', 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
      }
      // Until then these were addresses like others; connections to them end.
      await sleep(2000);
      const [from, since] = [asked.length, Date.now() / 1000];
      const names = () => new Set(asked.slice(from).map(({ name }) => name?.split('.')[0]));
      await until(() => child.exitCode !== null || Object.keys(HOME_ZONE).every((name) => names().has(name)));
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
    }, 180_000);
  },
);
