import { describe, expect, test } from 'vitest';
import { generateHome } from '../../src/home/home.js';
import { isDatagrams, OPENING, scriptOfHome, scriptOfTrace } from '../../src/lab/script.js';
import { createTraceBuilder, Direction, Protocol, type Trace } from '../../src/trace/trace.js';

const { IP, TCP, UDP, TLS, HTTP, DNS } = Protocol;
const { OUTBOUND, INBOUND } = Direction;

describe('the script of the synthetic home', () => {
  const options = { hours: 1, seed: 1 };
  const { script, trace } = scriptOfHome(options);
  const partsOf = (device: number) => script.parts.filter((part) => part.device === device);

  /** Bytes that a device's packets across the gateway carry in UDP and TCP; options of SYN segments pass for such, what fills frames up to 60 bytes does not. */
  function carried(device: number): { udp: number; tcp: number } {
    const headers = 54 + (partsOf(device).some(({ timestamps }) => timestamps) ? 12 : 0);
    const sum = { udp: 0, tcp: 0 };
    for (let i = 0; i < trace.packets; i++) {
      if (trace.device[i] !== device || trace.flows.wan[trace.flow[i]!] !== 1) continue;
      if ((trace.protocols[i]! & UDP) !== 0) sum.udp += trace.length[i]! - 42;
      else if (trace.length[i]! > 60) sum.tcp += Math.max(0, trace.length[i]! - headers);
    }
    return sum;
  }

  test('is of the packets that are generated without one', () => {
    const { length, time } = generateHome(options);
    expect([trace.length, trace.time]).toEqual([length, time]);
  });

  test.each(script.devices.map(({ name }, device) => [name, device] as const))('%s says as many bytes', (_, device) => {
    const parts = partsOf(device);
    const said = (isOf: (part: (typeof parts)[0]) => boolean, beside: (bytes: number) => number = () => 0) =>
      parts
        .filter(isOf)
        .flatMap(({ messages }) => messages)
        .reduce((sum, { bytes }) => sum + bytes + beside(bytes), 0);
    const { udp, tcp } = carried(device);
    // A message just before the first moment or the last is on the wire after it.
    expect(Math.abs(udp - said(({ speech }) => isDatagrams(speech)))).toBeLessThanOrEqual(1e-4 * udp);

    const plain = said(({ speech }) => speech === 'http' || speech === 'plain');
    const secured = said(
      ({ speech }) => speech === 'tls',
      (bytes) => 29 * Math.max(1, Math.ceil(bytes / 16_384)),
    );
    const opened = parts.filter((part) => part.opened >= 0 && !isDatagrams(part.speech));
    // Both SYN segments have up to 20 bytes of options; a hello has 100 to 600 bytes, and 177 are of the rest of the handshake.
    const least = opened.reduce((sum, { greeting }) => sum + (greeting > 0 ? 100 + greeting + 177 : 0), 0);
    const most = least + opened.length * (500 + 40);
    const edge = 0.01 * tcp;
    expect(tcp).toBeGreaterThanOrEqual(plain + secured + least - edge);
    expect(tcp).toBeLessThanOrEqual(plain + secured + most + edge);
  });

  test('speaks within its time, in order; what was open before is opened before its first moment', () => {
    expect(script.seconds).toBe(3600);
    expect(script.parts.some(({ opened }) => opened < 0)).toBe(true);
    for (const { opened, messages } of script.parts) {
      expect(opened).toBeGreaterThanOrEqual(-OPENING);
      const times = messages.map(({ time }) => time);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(Math.min(0, ...times)).toBe(0);
      expect(Math.max(0, ...times)).toBeLessThan(3600);
    }
  });

  test('has no port twice over the same transport', () => {
    const ports = script.parts.map(({ speech, localPort }) => `${isDatagrams(speech)} ${localPort}`);
    expect(new Set(ports).size).toBe(ports.length);
  });
});

interface TestFlow {
  readonly transport: number;
  readonly remote: string;
  readonly wan?: boolean;
  /** A negative length is of an inbound packet; `protocols` are those beside the flow's. */
  readonly packets: readonly (readonly [time: number, length: number, protocols?: number])[];
}

function traceOf(...flows: TestFlow[]): Trace {
  const builder = createTraceBuilder([{ name: 'lamp', category: 'iot' }]);
  for (const { transport, remote, wan = true, packets } of flows) {
    const flow = builder.flow({
      ...{ transport, localPort: 5000, remotePort: 443, localAddress: '192.168.1.10', remoteAddress: remote },
      ...{ wan, header: 14 },
    });
    for (const [time, length, protocols = 0] of packets) {
      builder.push({
        ...{ time, flow, port: 443, device: 0, length: Math.abs(length) },
        direction: length > 0 ? OUTBOUND : INBOUND,
        protocols: IP | (transport === 6 ? TCP : UDP) | protocols,
      });
    }
  }
  return builder.build();
}

describe('the script of recorded traffic', () => {
  const only = (flow: TestFlow) => {
    const { parts } = scriptOfTrace(traceOf(flow), Number.POSITIVE_INFINITY);
    expect(parts).toHaveLength(1);
    return parts[0]!;
  };

  test('TCP without timestamps: 54 bytes of each frame are headers, and the padding of short frames is nothing', () => {
    // SYN with 4 bytes of options, padded to 60; SYN+ACK of 58 as captured at the host; ACK; 100 bytes, ACK; 946 bytes.
    const part = only({
      ...{ transport: 6, remote: '198.51.100.7' },
      packets: [
        [1000, 60],
        [1000.1, -58],
        [1000.2, 54],
        [1000.3, 154, TLS],
        [1000.4, -60],
        [1001, -1000, TLS],
      ],
    });
    expect(part).toMatchObject({ speech: 'record', timestamps: false, address: '198.51.100.7', opened: 0, closed: 1 });
    expect(part.messages.map(({ direction, bytes }) => [direction, bytes])).toEqual([
      [OUTBOUND, 100],
      [INBOUND, 946],
    ]);
    expect(part.messages[0]!.time).toBeCloseTo(0.3, 6);
  });

  test('TCP with timestamps: 66 bytes are headers, and SYN segments of 74 are no messages', () => {
    const part = only({
      ...{ transport: 6, remote: '198.51.100.7' },
      packets: [
        [0, 74],
        [0.1, -74],
        [0.2, 66],
        [0.3, 266, HTTP],
        [0.4, -66],
        [0.5, -1514, HTTP],
      ],
    });
    expect(part).toMatchObject({ speech: 'http', timestamps: true });
    expect(part.messages.map(({ bytes }) => bytes)).toEqual([200, 1448]);
  });

  test('UDP: 42 bytes are headers, over IPv6 62', () => {
    const dns = only({
      transport: 17,
      remote: '198.51.100.53',
      packets: [
        [0, 80, DNS],
        [0.1, -142, DNS],
      ],
    });
    expect([dns.speech, ...dns.messages.map(({ bytes }) => bytes)]).toEqual(['dns-like', 38, 100]);
    const other = only({ transport: 17, remote: '2001:db8::5', packets: [[0, 1062]] });
    expect([other.speech, ...other.messages.map(({ bytes }) => bytes)]).toEqual(['datagram', 1000]);
  });

  test('hosts of IPv6, and those in networks of the lab, get addresses that are nobody’s, the same each time', () => {
    const one = (remote: string): TestFlow => ({ transport: 17, remote, packets: [[0, 142]] });
    const flows = ['2001:db8::5', '198.51.100.7', '100.64.3.4', '2001:db8::5'].map(one);
    const { parts } = scriptOfTrace(traceOf(...flows), Number.POSITIVE_INFINITY);
    expect(parts.map(({ address }) => address)).toEqual(['198.19.0.0', '198.51.100.7', '198.19.0.1', '198.19.0.0']);
  });

  test('what stays on the LAN, is neither TCP nor UDP, says nothing or comes later is left out', () => {
    const said = { transport: 17, remote: '198.51.100.7', packets: [[0, 142]] } as const;
    const { parts, seconds } = scriptOfTrace(
      traceOf(
        said,
        { ...said, wan: false },
        { ...said, transport: 1 },
        {
          transport: 6,
          remote: '198.51.100.7',
          packets: [
            [1, 60],
            [2, -60],
          ],
        },
        { ...said, packets: [[100, 142]] },
      ),
      50,
    );
    expect([parts.length, seconds]).toEqual([1, 50]);
  });
});
