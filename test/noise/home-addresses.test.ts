import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
    // Anew for a second try, for which the machine must not have the later addresses yet.
    beforeEach(async () => {
      network = await createHostileNetwork(HOME_ZONE);
    });
    afterEach(() => network?.close());

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
      const packets = fieldsOf(await stopCapture(), ['frame.time_epoch', 'ip.src', 'ipv6.src', 'ip.dst', 'ipv6.dst']);
      const [internet, own, late] = [[WEB[0], RESOLVER], OWN, LATER].map((list) => new Set<string>(list)) as [
        Set<string>,
        Set<string>,
        Set<string>,
      ];
      const strangers = packets.filter(([time, ip, ip6, toIp, toIp6]) => {
        const [from, to] = [ip || ip6!, toIp || toIp6!];
        // Answers may come late, from hosts that were of the Internet when they were asked.
        const answer = own.has(to) && (internet.has(from) || late.has(from));
        return !answer && !internet.has(to) && !(late.has(to) && Number(time) < since);
      });
      expect(strangers).toEqual([]);
      expect(packets.length).toBeGreaterThan(50);
    }, 180_000);
  },
);
