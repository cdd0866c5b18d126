import { type ColumnsOf, defineTable } from '../shared/columns.js';
import type { HostNames } from './names.js';
import type { Seen } from './seen.js';
import type { Gap } from './trace.js';

/** The columns of {@link PacketTable}. */
export const PACKET_COLUMNS = defineTable({
  /** Seconds since the Unix epoch. */
  time: Float64Array,
  /** Original frame length in bytes, less VLAN tags, less radiotap or PPI headers, which were never on the air, and less a frame check sequence. */
  length: Uint32Array,
  /** Bit set of `Protocol` in trace.ts. */
  protocols: Uint8Array,
  /** Sender and receiver on the link: rows of `macs`; 0 where the link type has none. */
  source: Uint32Array,
  destination: Uint32Array,
  /** Row of `conversations`. */
  conversation: Uint32Array,
  /** 0 from side A to side B of the conversation, 1 from B to A. */
  reverse: Uint8Array,
  /** Row of `files`. */
  file: Uint16Array,
});

type PacketColumns = ColumnsOf<typeof PACKET_COLUMNS>;

/**
 * The packets of a set of captures before devices are assigned: the border between reading (pcap, pcapng, dissection) and
 * labelling. One row per packet kept, in the order read, files one after another.
 */
export interface PacketTable extends PacketColumns {
  readonly packets: number;
  readonly files: readonly string[];
  /** MAC addresses as lower-case text with colons; row 0 is '' (none). */
  readonly macs: readonly string[];
  readonly conversations: Conversations;
  /** The columns that were asked for, if any. */
  readonly seen?: Seen;
  /** Only where names were asked for. */
  readonly names?: HostNames;
}

/** Values of the `encrypted` column. The access point is the end that a frame's to-DS and from-DS bits say. */
export const ENCRYPTED = {
  /** No encrypted 802.11 frames. */
  NOT: 0,
  /** Encrypted 802.11 frames, and the access point is side A. */
  ACCESS_POINT_A: 1,
  /** The same, and it is side B. */
  ACCESS_POINT_B: 2,
  /** Encrypted 802.11 frames between two stations, without an access point. */
  DIRECT: 3,
} as const;

/** The columns of {@link Conversations}. */
export const CONVERSATION_COLUMNS = defineTable({
  /** IP protocol number; 0 for frames without IP. */
  transport: Uint8Array,
  portA: Uint16Array,
  portB: Uint16Array,
  /** Rows of `addresses`. */
  addressA: Uint32Array,
  addressB: Uint32Array,
  /**
   * Bytes before the IP header in its frames, VLAN tags excluded: 14 for Ethernet, 0 for raw IP. Of encrypted 802.11 frames, all bytes that
   * CCMP would have around the packet.
   */
  header: Uint8Array,
  /** {@link ENCRYPTED}. */
  encrypted: Uint8Array,
});

type ConversationColumns = ColumnsOf<typeof CONVERSATION_COLUMNS>;

/** 5-tuples without direction, one row each; side A is the sender of the first packet seen. */
export interface Conversations extends ConversationColumns {
  readonly count: number;
  /** IP addresses as text (IPv6 as in RFC 5952); '' for frames without IP. */
  readonly addresses: readonly string[];
}

/** Everything that was read, and what became of it. Kept and dropped packets add up to `read`. */
export interface IngestReport {
  /** Packets found in the captures. */
  read: number;
  /** Packets that are in the table (or, after labelling, in the trace). */
  kept: number;
  /** Packets left out, by reason. */
  dropped: Record<string, number>;
  /** Packets whose timestamp was earlier than the one before; they were sorted into place. */
  backward: number;
  /** Times in which nothing was captured, all files together. */
  gaps: Gap[];
  files: FileReport[];
  /** Files met in folders that are not among `files`. */
  skipped: readonly SkippedFile[];
  /** Only where something was asked for that may be read from payloads. */
  payloads?: PayloadReport;
}

/** How much of the payloads of TCP and UDP is in the captures. */
export interface PayloadReport {
  /** Packets that had one on the wire. */
  packets: number;
  /** Those with a part of it captured, and those with nothing. */
  cut: number;
  missing: number;
}

/** A file that is no capture, or is read under another name. */
export interface SkippedFile {
  readonly path: string;
  /** The kind of file: 'text', 'a zip archive (unpack it: unzip home.zip)', ... */
  readonly reason: string;
}

/** A capture's clock that ran backward by more than packets change places. */
export interface SetBack {
  /** Seconds since the Unix epoch: the packet before, and the one that follows it in the file. */
  readonly from: number;
  readonly to: number;
  /** Packets of the file up to the first time that this happened. */
  readonly before: number;
  /** How often it happened. */
  readonly times: number;
}

export interface FileReport {
  path: string;
  /** 'pcap', 'pcapng', or null where the file is no capture. */
  format: 'pcap' | 'pcapng' | null;
  bytes: number;
  read: number;
  kept: number;
  dropped: Record<string, number>;
  backward: number;
  setBack: SetBack | null;
  /** Packets by name of link type: 'ethernet', 'linux-sll', 'raw-ip', ... */
  links: Record<string, number>;
  /** Seconds since the Unix epoch; null where no packet was kept. */
  from: number | null;
  to: number | null;
  /** One line each: file, offset, what was expected, what was found. What came before that is used. */
  problems: string[];
}
