import { type ColumnsOf, defineTable } from '../shared/columns.js';

/** `label` of a packet without a class: cover where there was none to learn from, or a device that was left out. */
export const NO_CLASS = 0xffff;

/**
 * Version of the meaning of {@link PacketFeatures}. Raise it with any change of that, so that models trained on other numbers are
 * refused.
 */
export const FEATURE_VERSION = 1;

/** Name of the class of cover packets. */
export const COVER = 'cover';

/**
 * Windows over streams of packets, the input of an attack. A window is a range of rows of one packet table, so overlapping windows
 * share their packets and a per-packet attack can ignore windows.
 */
export interface Windows {
  /** The packets of all streams, one stream after another, each in order of time. */
  readonly packets: PacketFeatures;
  /** First row of each window in `packets`; a window never crosses from one stream into the next. */
  readonly start: Uint32Array;
  /** Packets in each window: `size`, or fewer at the end of a stream. */
  readonly count: Uint16Array;
  /** Nominal packets per window. */
  readonly size: number;
  /** Names of the classes that `label` indexes: devices, and 'cover' last where there was cover to learn from. */
  readonly classes: readonly string[];
  /** Class of each packet, or {@link NO_CLASS} for packets that are seen but not learned. */
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
  /** Seconds since the previous packet of the stream; 0 for the first. */
  interval: Float32Array,
});

/**
 * The eleven numbers of Dong et al., arXiv 1909.00104, section 4.1, per packet: port, seven protocol bits, direction,
 * frame length, interval since the previous packet.
 */
export interface PacketFeatures extends ColumnsOf<typeof FEATURE_COLUMNS> {
  readonly rows: number;
}
