import { createTraceBuilder, type PacketRow, type Trace } from '../../src/trace/trace.js';

/** A trace of the given packets; all that is not given is the same for all. Flow 0 has local port 50000, remote 443. */
export function makeTrace(
  rows: readonly (Partial<PacketRow> & { time: number })[],
  { devices = ['a', 'b', 'c'], files = [''] }: { devices?: string[]; files?: string[] } = {},
): Trace {
  const builder = createTraceBuilder(
    devices.map((name) => ({ name, category: 'iot' as const })),
    files,
  );
  builder.flow({
    transport: 6,
    localPort: 50000,
    remotePort: 443,
    localAddress: '192.168.0.2',
    remoteAddress: '10.0.0.1',
    wan: true,
    header: 14,
  });
  const plain = { length: 100, direction: 1, protocols: 3, port: 443, flow: 0, device: 0 };
  for (const row of rows) builder.push({ ...plain, ...row });
  return builder.build();
}
