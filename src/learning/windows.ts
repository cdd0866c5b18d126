import { type ColumnsOf, defineTable } from '../shared/columns.js';
import type { ColumnName, Seen } from '../trace/seen.js';

/** `label` of a packet without a class: cover where there was none to learn from, or a device that was left out. */
export const NO_CLASS = 0xffff;

/**
 * Version of the meaning of {@link PacketFeatures}. Raise it with any change of that, so that models trained on other numbers are
 * refused.
 */
export const FEATURE_VERSION = 1;

/**
 * Something that an attack can ask for beyond {@link PacketFeatures}: remote addresses, and what readers of captures add to a trace. Packets of which the
 * observer does not see it are no use to such an attack; but many hosts have no name, so `names` are '' where there is none.
 */
export type Sight = 'remote' | ColumnName;

/** Name of the class of cover packets. */
export const COVER = 'cover';

/**
 * Windows over streams of packets, the input of an attack. A window is a range of rows of one packet table, so overlapping windows
 * share their packets and a per-packet attack can ignore windows. Windows are in the order of their first rows.
 */
export interface Windows {
  /** The packets of all streams, one stream after another, each in order of time. */
  readonly packets: PacketFeatures;
  /** First row of each window in `packets`; a window never crosses from one stream into the next. */
  readonly start: Uint32Array;
  /** Packets in each window, at least 1: `size`, or fewer at the end of a stream; any number where windows are cut by seconds. */
  readonly count: Uint32Array;
  /** Nominal packets per window; the most in any where windows are cut by seconds. */
  readonly size: number;
  /** Row of `packets` after the last one of each stream, ascending: the last is the number of rows. */
  readonly streamEnds: Uint32Array;
  /** Seconds of each row of `packets` since the part of the traffic began. It tells no date, on purpose. */
  readonly time: Float64Array;
  /** Whom the home talks to; only for an attack that asks for it ({@link Attack.sees}) and where the observer reads it. */
  readonly remote?: RemoteEnds;
  /** A row for each row of `packets` of the columns that the attack asks for ({@link Attack.sees}), and no others. */
  readonly seen?: Seen;
  /** Names of the classes that `label` indexes: devices, and 'cover' last where there was cover to learn from. */
  readonly classes: readonly string[];
  /** Class of each packet, or {@link NO_CLASS} for packets that are seen but not learned. */
  readonly label: Uint16Array;
}

/** The other ends of the packets, outside the home. */
export interface RemoteEnds {
  /** Row of `addresses`, and of `names`, for each row of `packets`. */
  readonly of: Uint32Array;
  /** IP addresses as text; '' for traffic that stays in the home, and for all where only names were asked for. */
  readonly addresses: readonly string[];
  /** Host names, '' for none; absent unless asked for. One address with several names has several rows. */
  readonly names?: readonly string[];
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

/** Names of the sights, in words. */
export const SIGHT_NAMES: Readonly<Record<Sight, string>> = {
  remote: 'remote addresses',
  names: 'host names',
  payloadLength: 'payload lengths',
  payloadEntropy: 'payload entropy',
  tcpWindow: 'TCP windows',
  tcpFlags: 'TCP flags',
  hopLimit: 'hop limits',
  ipOptions: 'IP options',
};
