import { type ColumnsOf, defineTable } from '../shared/columns.js';

/** `label` of a packet that has no class: cover that there was nothing to learn of, or a device that was left out. */
export const NO_CLASS = 0xffff;

/**
 * Version of what the numbers of {@link PacketFeatures} mean. Raise it with any change of that: models that were trained on
 * other numbers are then refused.
 */
export const FEATURE_VERSION = 1;

/** Name of the class of cover packets. */
export const COVER = 'cover';

/**
 * Windows over streams of packets: what an attack sees. A window is a range of rows of one packet table, so overlapping
 * windows share their packets and a per-packet attack need not look at windows at all.
 */
export interface Windows {
  /** The packets of all streams, one stream after another, each in order of time. */
  readonly packets: PacketFeatures;
  /** First row of each window in `packets`; a window never crosses from one stream into the next. */
  readonly start: Uint32Array;
  /** Packets in each window: `size`, or fewer where a stream is shorter than that or ends. */
  readonly count: Uint16Array;
  /** Nominal packets per window. */
  readonly size: number;
  /** Names of the classes that `label` indexes: devices, and 'cover' last where cover was there to learn. */
  readonly classes: readonly string[];
  /** Class of each packet, or {@link NO_CLASS}: such packets are seen, but not learnt. */
  readonly label: Uint16Array;
}

/** The columns of {@link PacketFeatures}. */
export const FEATURE_COLUMNS = defineTable({
  port: Uint16Array,
  /** Bit set of `Protocol` in trace.ts: seven features. */
  protocols: Uint8Array,
  /** 1 outbound, 0 inbound. */
  direction: Uint8Array,
  /** Bytes. */
  length: Float32Array,
  /** Seconds since the packet before in the same stream; 0 for a stream's first. */
  interval: Float32Array,
});

/**
 * The eleven numbers of Dong et al., arXiv 1909.00104, section 4.1, per packet: port, seven protocol bits, direction,
 * frame length, interval to the packet before.
 */
export interface PacketFeatures extends ColumnsOf<typeof FEATURE_COLUMNS> {
  readonly rows: number;
}
