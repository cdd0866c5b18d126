import { PROTOCOL_NAMES } from '../trace/trace.js';
import type { PacketFeatures } from './windows.js';

/**
 * Columns of `features` (float32), which every model file gets with `port` (int64) for each packet, unscaled. Scaling is part of
 * the file.
 */
export const FEATURE_COLUMNS: readonly { readonly name: string; readonly unit: string }[] = [
  ...PROTOCOL_NAMES.map((name) => ({ name, unit: '1 where the packet has this protocol, else 0' })),
  { name: 'direction', unit: '1 from the home, 0 to it' },
  { name: 'length', unit: 'bytes of the frame' },
  { name: 'interval', unit: 'seconds since the packet before' },
];

/** The eleven numbers of a packet, one a column, for programs in other languages. */
export const PACKET_COLUMNS: typeof FEATURE_COLUMNS = [
  { name: 'port', unit: 'port of the service, 0 for none' },
  ...FEATURE_COLUMNS,
];

/** Rows from..to-1 of the packets as inputs of a model file; `features` is row-major. */
export function modelInput(
  packets: PacketFeatures,
  from: number,
  to: number,
): { port: BigInt64Array; features: Float32Array } {
  const port = new BigInt64Array(to - from);
  const width = FEATURE_COLUMNS.length;
  const bits = PROTOCOL_NAMES.length;
  const features = new Float32Array((to - from) * width);
  for (let row = from; row < to; row++) {
    const at = (row - from) * width;
    port[row - from] = BigInt(packets.port[row]!);
    for (let bit = 0; bit < bits; bit++) features[at + bit] = (packets.protocols[row]! >> bit) & 1;
    features[at + bits] = packets.direction[row]!;
    features[at + bits + 1] = packets.length[row]!;
    features[at + bits + 2] = packets.interval[row]!;
  }
  return { port, features };
}
