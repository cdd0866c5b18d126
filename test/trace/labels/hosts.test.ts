import { describe, expect, it } from 'vitest';
import { labelPackets } from '../../../src/trace/labels/labels.js';
import { loadTrace } from '../../../src/trace/load.js';
import { makeTable, type TestPacket } from '../../support/make-table.js';
import { needs, noShared, sharedPath } from '../../support/needs.js';

const plug = '02:00:00:00:00:01';
const camera = '02:00:00:00:00:02';
const gateway = '02:00:00:00:00:fe';
const broadcast = 'ff:ff:ff:ff:ff:ff';

/** The device of each packet, and whether the packet goes out and crosses the gateway. */
function lines(...packets: TestPacket[]): string[] {
  const { table, report } = makeTable(packets);
  const { trace } = labelPackets(table, report, { by: 'host' });
  return Array.from({ length: trace.packets }, (_, i) => {
    const host = trace.devices[trace.device[i]!]!.name;
    return `${host} ${trace.direction[i] === 1 ? 'out' : 'in'}${trace.flows.wan[trace.flow[i]!] === 1 ? '' : ' lan'}`;
  });
}

describe('hosts of a home, without labels', () => {
  it('are the MAC addresses that are no gateway: who speaks for the outside is one', () => {
    expect(
      lines(
        { macs: [plug, gateway], ips: ['192.168.1.5', '8.8.8.8'] },
        { macs: [gateway, plug], ips: ['8.8.8.8', '192.168.1.5'] },
        { macs: [camera, broadcast], ips: ['192.168.1.6', '255.255.255.255'] },
        { macs: [gateway, camera], ips: ['192.168.1.1', '192.168.1.6'] },
        { macs: [plug, camera], ips: ['192.168.1.5', '192.168.1.6'] },
      ),
    ).toEqual([`${plug} out`, `${plug} in`, `${camera} out lan`, `${camera} in lan`, `${plug} out lan`]);
  });

  it('stay hosts with a global IPv6 address of their own', () => {
    expect(
      lines(
        { macs: [plug, gateway], ips: ['2001:db8:1::5', '2606:4700::1'] },
        { macs: [plug, gateway], ips: ['192.168.1.5', '8.8.8.8'] },
        ...[1, 2, 3].map((n): TestPacket => ({ macs: [gateway, plug], ips: [`2606:470${n}::1`, '2001:db8:1::5'] })),
      ),
    ).toEqual([`${plug} out`, `${plug} out`, ...Array(3).fill(`${plug} in`)]);
  });

  it('are private addresses where the link names nobody', () => {
    expect(lines({ ips: ['10.0.0.2', '8.8.8.8'] }, { ips: ['8.8.8.8', '10.0.0.3'] })).toEqual([
      '10.0.0.2 out',
      '10.0.0.3 in',
    ]);
  });

  it('are the address that most packets have, beyond the gateway', () => {
    expect(
      lines(
        { ips: ['8.8.8.8', '93.184.216.34'] },
        { ips: ['93.184.216.34', '1.1.1.1'] },
        { ips: ['93.184.216.34', '9.9.9.9'] },
      ),
    ).toEqual(['93.184.216.34 in', '93.184.216.34 out', '93.184.216.34 out']);
  });
});

describe.each(['tjoconnor', 'madea-may'])('the real captures of %s', (name) => {
  const folder = sharedPath(`data/${name}/`);

  needs(noShared(`data/${name}`)).test(
    'have the same packets by host as by label, in the same directions',
    async () => {
      const byLabel = (await loadTrace([folder], `${folder}labels.csv`)).trace;
      const byHost = (await loadTrace([folder], null)).trace;
      expect(byHost.packets).toBe(byLabel.packets);
      expect(byHost.direction).toEqual(byLabel.direction);
      expect(byHost.length).toEqual(byLabel.length);
    },
  );
});
