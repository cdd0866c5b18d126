import { applicationOf } from './application.js';
import type { PacketSink } from './capture.js';
import { findSetBack } from './clock.js';
import { createColumns, firstRows, growColumns } from './columns.js';
import { createDissector } from './dissect.js';
import { createFlowTable, directionOf, keepConversations, pairOf, takeConversations } from './flows.js';
import { type DropReason, KEPT, TCP, UDP } from './frame.js';
import type { FileReport, PacketTable } from './packets.js';
import { Protocol } from './trace.js';

/** Takes packets from the readers, file after file, and makes one {@link PacketTable} of them. */
export interface Ingest extends PacketSink {
  /** What follows is of the file that `report` is about. */
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
  /** The table of all that was kept. Nothing may be added afterwards. */
  table(): PacketTable;
}

/** Link types of a file that are told one by one. */
const LINKS_NAMED = 10;

/** More files than the `file` column can tell apart. */
export const MAX_FILES = 65536;

/**
 * Makes room for about `expected` packets, and for more when they come.
 * @param mostConversations remembered from one `take` to the next; files are read without a bound
 */
export function createIngest(expected: number, mostConversations = Number.POSITIVE_INFINITY): Ingest {
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
  let columns = createColumns(Math.max(1, Math.ceil(expected)));
  let rows = 0;

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

  /** Appends the row of the packet in `frame`. */
  const keep = (time: number): void => {
    if (rows === columns.time.length) columns = growColumns(columns);
    const pair = pairOf(flows, frame);
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
      if (reason === KEPT) keep(time);
      else drop(reason);
    },
    drop,
    problem,
    take() {
      const taken = firstRows(columns, rows);
      const ids = renumber(taken.conversation);
      takes++;
      for (const id of ids) lastTake[id] = takes;
      const table = {
        packets: rows,
        ...taken,
        ...{ file: new Uint16Array(rows), files: [report.path], macs: flows.macs },
        conversations: takeConversations(flows, ids),
      };
      columns = createColumns(Math.max(1, rows));
      rows = 0;
      if (Math.max(lastTake.length, flows.pairs.count) > mostConversations) forget();
      return table;
    },
    get packets() {
      return rows;
    },
    get forgotten() {
      return forgotten;
    },
    end() {
      countLink();
      const first = fileEnds.at(-1) ?? 0;
      fileEnds.push(rows);
      report.kept = rows - first;
      report.read = report.kept + dropped;
      if (rows > first) measureTime(columns.time.subarray(first, rows), report);
    },
    table() {
      const file = new Uint16Array(rows);
      for (const [index, end] of fileEnds.entries()) file.fill(index, fileEnds[index - 1] ?? 0, end);
      const conversations = takeConversations(flows);
      return { packets: rows, ...firstRows(columns, rows), file, files, macs: flows.macs, conversations };
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
