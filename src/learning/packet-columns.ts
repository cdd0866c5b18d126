import type { Column } from './forest/bins.js';
import type { PacketFeatures } from './windows.js';

/**
 * The eleven numbers of a packet as five columns: the seven protocol bits occur in few combinations, so they are one.
 * @param rows those wanted, all by default
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

type TypedArray = Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array;

/** The elements `rows` of `values`. */
export function take<T extends TypedArray>(values: T, rows: Uint32Array): T {
  const out = new (values.constructor as new (length: number) => T)(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out;
}
