import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createNetwork, whyNoNamespaces } from '../../src/lab/namespaces.js';
import { readCaptures } from '../../src/trace/read/read.js';
import { temporaryFolder } from '../support/fixtures.js';
import { needs, noPackage } from '../support/needs.js';
import { startOn, until } from '../support/run-live.js';

const DATAGRAMS = 20;
const SECRET = 'nobody-may-read-this';
/** Sends datagrams that grow, a few milliseconds apart: `cap` loses packets that come faster than it reads. */
const SENDER = `
  const socket = require('dgram').createSocket('udp4');
  let sent = 0;
  const next = () => {
    socket.send('${SECRET}'.repeat(++sent), 9, '10.77.0.2');
    setTimeout(sent < ${DATAGRAMS} ? next : () => socket.close(), 5);
  };
  next();`;

needs(whyNoNamespaces(), noPackage('cap')).describe('the npm package cap', () => {
  test('captures what is sent, in order, and keeps the headers', async () => {
    const path = join(temporaryFolder(), 'cap.pcap');
    const network = createNetwork();
    try {
      const [sender, host] = [network.host(), network.host()];
      network.link(sender, host, { names: ['eth0', 'eth0'], addresses: ['10.77.0.1/24', '10.77.0.2/24'] });
      const options = ['--engine', 'cap', '--filter', 'udp port 9 and not icmp', '--packets', String(DATAGRAMS)];
      const { printed, ended } = startOn(host, 'capture', '-i', 'eth0', '-w', path, ...options, '--json');
      // The file is made once the interface is open.
      await until(() => existsSync(path));
      const from = Date.now() / 1000;
      sender.run(process.execPath, '-e', SENDER);
      expect(await ended).toBe(0);
      const to = Date.now() / 1000;

      expect(printed.stderr).toContain('warning: cap has no packet times of the kernel');
      const result = JSON.parse(printed.stdout);
      expect(result).toMatchObject({ engine: 'cap', kept: 'headers', packets: DATAGRAMS, lost: { kernel: null } });
      const { table } = await readCaptures([path]);
      // Ethernet, IPv4 and UDP headers take 42 bytes.
      const lengths = Array.from({ length: DATAGRAMS }, (_, i) => 42 + SECRET.length * (i + 1));
      expect([...table.length.subarray(0, table.packets)]).toEqual(lengths);
      const times = [...table.time.subarray(0, table.packets)];
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times[0]).toBeGreaterThan(from - 1e-3);
      expect(times.at(-1)).toBeLessThan(to + 1e-3);
      // A classic capture has a header of 24 bytes, and 16 before each packet.
      expect(result.files).toEqual([{ path, packets: DATAGRAMS, bytes: 24 + DATAGRAMS * (16 + 42) }]);
    } finally {
      network.close();
    }
  });
});
