import fc from 'fast-check';
import type { DefendedTrace } from '../../src/shaping/account.js';
import { createTraceBuilder, Protocol, type Trace } from '../../src/trace/trace.js';

/** One packet of a test trace; what is left out is the same for all. */
export interface Packet {
  time: number;
  length: number;
  out?: boolean;
  flow?: number;
  device?: number;
  protocols?: number;
  cover?: number;
  file?: number;
}

/** Two devices; flows 0 to 3 of Ethernet and TCP, flow f with remote port 1000 + f and local port 5000 + f; flow 3 stays on the LAN. */
export function makeTrace(packets: readonly Packet[]): Trace {
  const devices = ['lamp', 'plug'].map((name) => ({ name, category: 'iot' as const }));
  const builder = createTraceBuilder(devices, ['a', 'b']);
  for (let flow = 0; flow < 4; flow++) {
    builder.flow({
      transport: 6,
      localPort: 5000 + flow,
      remotePort: 1000 + flow,
      localAddress: `192.168.1.${10 + flow}`,
      remoteAddress: '198.51.100.7',
      wan: flow < 3,
      header: 14,
    });
  }
  for (const { time, length, out = true, flow = 0, device = 0, protocols, cover, file } of packets) {
    builder.push({
      time,
      length,
      direction: out ? 1 : 0,
      protocols: protocols ?? Protocol.IP | Protocol.TCP,
      port: 1000 + flow,
      flow,
      device,
      cover,
      file,
    });
  }
  return builder.build();
}

/** Traces with equal times, bursts, pauses, tiny and oversized frames, flows on the LAN, and sometimes no packet at all. */
export const anyTrace: fc.Arbitrary<Trace> = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.02, noNaN: true }), fc.constantFrom(1, 60)),
      length: fc.oneof(fc.integer({ min: 34, max: 1514 }), fc.constantFrom(34, 60, 1500, 1514, 9014, 65_549)),
      out: fc.boolean(),
      flow: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 60 },
  )
  .map((packets) => {
    let time = 1.7e9;
    return makeTrace(
      packets.map(({ gap, ...rest }) => {
        time += gap;
        return { ...rest, time, device: rest.flow % 2 };
      }),
    );
  });

/** The rows of the account of one frame: [packet, bytes] each. */
export function carriedBy({ account: { start, packet, bytes } }: Pick<DefendedTrace, 'account'>, frame: number) {
  const rows: [number, number][] = [];
  for (let j = start[frame]!; j < start[frame + 1]!; j++) rows.push([packet[j]!, bytes[j]!]);
  return rows;
}
