import { take } from '../shared/columns.js';
import type { Column } from './forest/bins.js';
import type { PacketFeatures } from './windows.js';

/**
 * The eleven numbers of a packet as five columns: the seven protocol bits occur in few combinations, so they form one.
 * @param rows all by default
 */
export function packetColumns(packets: PacketFeatures, rows?: Uint32Array): Column[] {
  const of = <T extends Uint8Array | Uint16Array | Float32Array>(values: T) => (rows ? take(values, rows) : values);
  return [
    { kind: 'categorical', name: 'port', values: of(packets.port) },
    { kind: 'categorical', name: 'protocols', values: of(packets.protocols) },
    { kind: 'numeric', name: 'direction', values: of(packets.direction) },
    { kind: 'numeric', name: 'length', values: of(packets.length) },
    { kind: 'numeric', name: 'interval', values: of(packets.interval) },
  ];
}
