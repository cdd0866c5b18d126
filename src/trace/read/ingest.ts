import { findSetBack } from '../clock.js';
import { type FileReport, PACKET_COLUMNS, type PacketTable, type PayloadReport } from '../packets.js';
import type { ColumnName } from '../seen.js';
import { Protocol } from '../trace.js';
import { applicationOf } from './application.js';
import type { PacketSink } from './capture.js';
import { createDissector } from './dissect.js';
import { createDuplicateFilter, DUPLICATE, type Duplicates, VERDICT } from './duplicates.js';
import { createFlowTable, directionOf, keepConversations, pairOf, takeConversations } from './flows.js';
import { type DropReason, KEPT, NETWORK, TCP, UDP } from './frame.js';
import { createNameReader } from './host-names.js';
import { createRetransmissionFilter, RETRANSMISSION } from './retransmissions.js';
import { createSeenReader } from './seen.js';

/** Takes packets from the readers, file after file, and makes one {@link PacketTable} of them. */
export interface Ingest extends PacketSink {
  /** Begins the file that `report` is about. */
  begin(report: FileReport): void;
  /**
   * The packets since the last call, as a table of their own, for who reads as packets come; no report nor other table will have
   * them. Then, of more than `mostConversations`, the half that is longest silent is forgotten: one that goes on begins anew.
   */
  take(): PacketTable;
  /** Conversations forgotten so far. */
  readonly forgotten: number;
  /** Kept so far. */
  readonly packets: number;
  /** Completes the counts of that report. */
  end(): void;
  /** Captured bytes of payloads, where any column is asked for. */
  readonly payloads: PayloadReport | null;
  /** The table of all that was kept. Nothing may be added afterwards. */
  table(): PacketTable;
}

/** Link types of a file that are told one by one. */
const LINKS_NAMED = 10;

/** More files than the `file` column can tell apart. */
export const MAX_FILES = 65536;

/**
 * Makes room for about `expected` packets, and for more when they come.
 * @param duplicates whether packets that are copies of others are left out (duplicates.ts)
 * @param mostConversations remembered from one `take` to the next; files are read without a bound
 * @param asked what else is read, for `table`: see seen.ts
 */
export function createIngest(
  expected: number,
  duplicates: Duplicates = 'drop',
  mostConversations = Number.POSITIVE_INFINITY,
  asked: readonly ColumnName[] = [],
): Ingest {
  const dissector = createDissector();
  const { frame } = dissector;
  let flows = createFlowTable();
  /** By conversation, the number of the `take` that it was last in. */
  let lastTake: number[] = [];
  let takes = 0;
  let forgotten = 0;
  const files: string[] = [];
  /** The row after the last one of each file. */
  const fileEnds: number[] = [];
  let columns = PACKET_COLUMNS.allocate(Math.max(1, Math.ceil(expected)));
  let rows = 0;

  const filter = duplicates === 'drop' ? createDuplicateFilter() : null;
  const resent = duplicates === 'drop' ? createRetransmissionFilter() : null;
  const names = asked.includes('names') ? createNameReader() : null;
  const seen = asked.length > 0 ? createSeenReader(asked) : null;
  /** Offset in the file at which the interface of the packets is described, which differs for each interface. */
  let interfaceAt = 0;
  /** Rows of this file that repeat another, and whose they are: copies, or not, as the whole file tells. */
  let repeats: { row: number; sender: number }[] = [];
  /** Rows that were taken before the first one of `columns`. */
  let rowsTaken = 0;

  let report: FileReport;
  /** Names of the file's link types that are not read. */
  const unreadLinks = new Set<string>();
  let linkPackets = 0;
  let dropped = 0;

  const countLink = (): void => {
    const { name } = dissector.link;
    if (linkPackets > 0) report.links[name] = (report.links[name] ?? 0) + linkPackets;
    linkPackets = 0;
  };
  const drop = (reason: DropReason): void => {
    dropped++;
    report.dropped[reason] = (report.dropped[reason] ?? 0) + 1;
  };
  const problem = (offset: number, text: string): void => {
    report.problems.push(`${report.path}: offset ${offset}: ${text}`);
  };

  /** Whether the packet in `frame`, between `pair`, is a copy of one that was kept. */
  const isCopy = (time: number, pair: number): boolean => {
    if (filter === null) return false;
    const place = (Math.imul(interfaceAt, 0x9e3779b1) ^ frame.place) | 0;
    const verdict = filter.judge(frame, time, place, flows.pairSource[pair]!, rowsTaken + rows);
    if (verdict === VERDICT.NEW) return false;
    if (verdict === VERDICT.REPEAT) {
      // Packets that have been taken can no longer be left out, so the judgement up to here counts.
      if (rowsTaken > 0 && filter.repeatsAreCopies()(filter.sender)) return true;
      repeats.push({ row: rows, sender: filter.sender });
      return false;
    }
    const original = filter.original - rowsTaken;
    // A router's own addresses stand in between: the sender's is in the frame before it, the receiver's in the one behind.
    if (original >= 0 && filter.hops === 1) columns.destination[original] = flows.pairDestination[pair]!;
    if (original >= 0 && filter.hops === -1) columns.source[original] = flows.pairSource[pair]!;
    return true;
  };

  /** Leaves out what repeats others in the file, where these are copies. */
  const dropRepeats = (): void => {
    if (filter === null) return;
    const areCopies = filter.repeatsAreCopies();
    const gone = repeats.filter(({ sender }) => areCopies(sender)).map(({ row }) => row);
    PACKET_COLUMNS.remove(columns, gone, rows);
    seen?.remove(gone);
    rows -= gone.length;
    for (const _ of gone) drop(DUPLICATE);
    repeats = [];
    filter.clear();
    resent?.clear();
  };

  /** Appends the row of the packet in `frame`, between `pair`. */
  const keep = (time: number, pair: number): void => {
    if (rows === columns.time.length) columns = PACKET_COLUMNS.grow(columns);
    const direction = directionOf(flows, frame);
    const conversation = direction >>> 1;
    let protocols: number = frame.family === 0 ? Protocol.OTHER : Protocol.IP;
    if (frame.transport === TCP || frame.transport === UDP) {
      const application = applicationOf(frame, flows.application, conversation);
      protocols |= (frame.transport === TCP ? Protocol.TCP : Protocol.UDP) | application;
    } else {
      protocols |= Protocol.OTHER;
    }
    columns.time[rows] = time;
    columns.length[rows] = frame.wireEnd - frame.at - frame.uncounted;
    columns.protocols[rows] = protocols;
    columns.source[rows] = flows.pairSource[pair]!;
    columns.destination[rows] = flows.pairDestination[pair]!;
    columns.conversation[rows] = conversation;
    columns.reverse[rows] = direction & 1;
    names?.packet(frame, protocols, direction, time);
    seen?.packet(frame);
    rows++;
  };

  const forget = (): void => {
    const ids = Uint32Array.from(lastTake, (_, id) => id).sort((a, b) => lastTake[b]! - lastTake[a]! || b - a);
    const kept = ids.subarray(0, mostConversations / 2);
    forgotten += ids.length - kept.length;
    flows = keepConversations(flows, kept);
    lastTake = Array.from(kept, (id) => lastTake[id]!);
  };

  return {
    begin(next) {
      report = next;
      unreadLinks.clear();
      files.push(next.path);
      dropped = 0;
    },
    link(next, bytes, offset) {
      countLink();
      interfaceAt = offset;
      dissector.setLink(next, bytes);
      if (next.read !== null || unreadLinks.has(next.name)) return;
      unreadLinks.add(next.name);
      const found = unreadLinks.size <= LINKS_NAMED ? next.name : 'more that do not';
      if (unreadLinks.size > LINKS_NAMED + 1) return;
      problem(offset, `expected a link type that carries IP, found ${found}, whose packets are left out`);
    },
    packet(view, at, captured, original, time) {
      linkPackets++;
      const reason = dissector.read(view, at, captured, original, time);
      if (reason !== KEPT) return drop(reason);
      if (frame.network === NETWORK.ENCRYPTED && resent?.isRetransmission(frame, time)) return drop(RETRANSMISSION);
      const pair = pairOf(flows, frame);
      if (isCopy(time, pair)) drop(DUPLICATE);
      else keep(time, pair);
    },
    drop,
    problem,
    take() {
      const taken = PACKET_COLUMNS.view(columns, 0, rows);
      const ids = renumber(taken.conversation);
      takes++;
      for (const id of ids) lastTake[id] = takes;
      const table = {
        packets: rows,
        ...taken,
        ...{ files: [report.path], macs: flows.macs },
        conversations: takeConversations(flows, ids),
      };
      columns = PACKET_COLUMNS.allocate(Math.max(1, rows));
      rowsTaken += rows;
      rows = 0;
      repeats = [];
      if (Math.max(lastTake.length, flows.pairs.count) > mostConversations) forget();
      return table;
    },
    get packets() {
      return rows;
    },
    payloads: seen?.payloads ?? null,
    get forgotten() {
      return forgotten;
    },
    end() {
      countLink();
      dropRepeats();
      const first = fileEnds.at(-1) ?? 0;
      fileEnds.push(rows);
      report.kept = rows - first;
      report.read = report.kept + dropped;
      if (rows > first) measureTime(columns.time.subarray(first, rows), report);
    },
    table() {
      for (const [index, end] of fileEnds.entries()) columns.file.fill(index, fileEnds[index - 1] ?? 0, end);
      const conversations = takeConversations(flows);
      return {
        packets: rows,
        ...PACKET_COLUMNS.view(columns, 0, rows),
        files,
        macs: flows.macs,
        conversations,
        ...(names && { names: names.names() }),
        ...(seen && { seen: seen.table() }),
      };
    },
  };
}

/** Numbers the ids in `column` from 0 in the order in which they come, and returns which they were. */
function renumber(column: Uint32Array): number[] {
  const rows = new Map<number, number>();
  for (const [i, id] of column.entries()) {
    let row = rows.get(id);
    if (row === undefined) {
      row = rows.size;
      rows.set(id, row);
    }
    column[i] = row;
  }
  return [...rows.keys()];
}

/** Finds the span of the times of a file, and how often and how far they run backward. */
function measureTime(time: Float64Array, report: FileReport): void {
  let from = time[0]!;
  let to = from;
  let backward = 0;
  for (let i = 1; i < time.length; i++) {
    const now = time[i]!;
    if (now < time[i - 1]!) backward++;
    if (now < from) from = now;
    if (now > to) to = now;
  }
  report.from = from;
  report.to = to;
  report.backward = backward;
  report.setBack = findSetBack(time);
}
