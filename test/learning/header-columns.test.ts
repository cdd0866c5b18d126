import { expect, test } from 'vitest';
import { headerColumns } from '../../src/learning/header-columns.js';
import type { Windows } from '../../src/learning/windows.js';
import { IpOption } from '../../src/trace/seen.js';
import { Protocol } from '../../src/trace/trace.js';
import { makeOrderedWindows } from '../support/make-windows.js';

const { IP, TCP, UDP, HTTP, OTHER } = Protocol;

/** One window over packets of [protocols, port, payload length]. */
function windowOver(rows: readonly (readonly [number, number, number])[]): Windows {
  const windows = makeOrderedWindows(1, 1, rows.length);
  return {
    ...windows,
    packets: {
      ...windows.packets,
      protocols: Uint8Array.from(rows, ([protocols]) => protocols),
      port: Uint16Array.from(rows, ([, port]) => port),
    },
    seen: {
      payloadLength: Uint32Array.from(rows, ([, , length]) => length),
      payloadEntropy: Float32Array.from(rows, (_, i) => i),
      tcpWindow: Uint16Array.from(rows, (_, i) => 100 * i),
      ipOptions: Uint8Array.from(rows, (_, i) => (i === 1 ? IpOption.ROUTER_ALERT : 0)),
    },
  };
}

/** The features of packet i, 1 to 5, that are not 0. */
const ofPacket = (windows: Windows, i: number) =>
  Object.fromEntries(
    headerColumns(windows)
      .filter(({ name, values }) => name.endsWith(` ${i}`) && values[0] !== 0)
      .map(({ name, values }) => [name.slice(0, -2), values[0]]),
  );

test('each packet has bits of its protocols, and the numbers of its header', () => {
  const windows = windowOver([
    [IP | TCP, 443, 60],
    [IP | UDP, 5353, 40],
    [IP | TCP | HTTP, 80, 9],
    [IP | OTHER, 0, 0],
    [OTHER, 0, 0],
  ]);
  expect(headerColumns(windows)).toHaveLength(5 * 17);
  expect(ofPacket(windows, 1)).toEqual({ IP: 1, TCP: 1, HTTPS: 1, 'TCP payload': 60 });
  expect(ofPacket(windows, 2)).toEqual({ IP: 1, UDP: 1, mDNS: 1, 'router alert': 1, entropy: 1, 'TCP window': 100 });
  expect(ofPacket(windows, 3)).toEqual({ IP: 1, TCP: 1, HTTP: 1, entropy: 2, 'TCP window': 200, 'TCP payload': 9 });
  expect(ofPacket(windows, 4)).toMatchObject({ IP: 1, ICMP: 1 });
  expect(ofPacket(windows, 5)).toMatchObject({ EAPoL: 1 });
});

test('UDP port 443 is not HTTPS, and DHCP is known by either port', () => {
  const windows = windowOver([
    [IP | UDP, 443, 5],
    [IP | UDP, 67, 5],
    [IP | UDP, 68, 5],
  ]);
  expect(ofPacket(windows, 1)).toEqual({ IP: 1, UDP: 1 });
  expect([2, 3].map((i) => ofPacket(windows, i).DHCP)).toEqual([1, 1]);
  // Packets that a short window lacks are 0.
  expect([4, 5].map((i) => ofPacket(windows, i))).toEqual([{}, {}]);
});

test('windows without the columns are refused', () => {
  expect(() => headerColumns(makeOrderedWindows(1, 1, 5))).toThrow(/^windows: expected payload entropy/);
});
