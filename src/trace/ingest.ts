import { applicationOf } from './application.js';
import { MAX_CAPTURED, type PacketSink } from './capture.js';
import { createColumns, firstRows, growColumns } from './columns.js';
import { createFlowTable, directionOf, pairOf, takeConversations } from './flows.js';
import { createFrame, type DropReason, KEPT, TCP, UDP } from './frame.js';
import { type Link, linkOf } from './links.js';
import { readNetwork } from './network.js';
import type { FileReport, PacketTable } from './packets.js';
import { Protocol } from './trace.js';

/** Takes packets from the readers, file after file, and makes one {@link PacketTable} of them. */
export interface Ingest extends PacketSink {
  /** What follows is of the file that `report` is about. */
  begin(report: FileReport): void;
  /** Completes the counts of that report. */
  end(): void;
  /** The table of all that was kept. Nothing may be added afterwards. */
  table(): PacketTable;
}

/** Times from here on, in the year 2106, are beyond a classic capture, and damage in the others. */
const MAX_TIME = 2 ** 32;

/** More files than the `file` column can tell apart. */
export const MAX_FILES = 65536;

/** Makes room for about `expected` packets, and for more when they come. */
export function createIngest(expected: number): Ingest {
  const frame = createFrame();
  const flows = createFlowTable();
  const files: string[] = [];
  /** The row after the last one of each file. */
  const fileEnds: number[] = [];
  let columns = createColumns(Math.max(1, Math.ceil(expected)));
  let rows = 0;

  let report: FileReport;
  let link: Link = linkOf(-1);
  let checkSequence = 0;
  let linkPackets = 0;
  let dropped = 0;

  const countLink = (): void => {
    if (linkPackets > 0) report.links[link.name] = (report.links[link.name] ?? 0) + linkPackets;
    linkPackets = 0;
  };
  const drop = (reason: DropReason): void => {
    dropped++;
    report.dropped[reason] = (report.dropped[reason] ?? 0) + 1;
  };
  const problem = (offset: number, text: string): void => {
    report.problems.push(`${report.path}: offset ${offset}: ${text}`);
  };

  /** Reads the layers of the packet into `frame`. */
  const dissect = (view: DataView, at: number, captured: number, original: number, time: number): DropReason => {
    if (link.read === null) return `link type not supported: ${link.name}`;
    if (captured === 0) return 'nothing captured of it';
    if (original > MAX_CAPTURED) return 'frame length out of range';
    if (!(time >= 0 && time < MAX_TIME)) return 'timestamp out of range';
    frame.view = view;
    frame.at = at;
    frame.end = at + captured;
    // Some writers put 0, or the length without what the driver added, for the length on the wire.
    frame.wireEnd = at + Math.max(original, captured);
    if (checkSequence > 0) {
      frame.wireEnd = Math.max(at, frame.wireEnd - checkSequence);
      frame.end = Math.min(frame.end, frame.wireEnd);
    }
    frame.uncounted = 0;
    frame.hasSource = false;
    frame.hasDestination = false;
    const reason = link.read(frame);
    return reason === KEPT ? readNetwork(frame) : reason;
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

  return {
    begin(next) {
      report = next;
      files.push(next.path);
      dropped = 0;
    },
    link(next, bytes, offset) {
      countLink();
      link = next;
      checkSequence = bytes;
      if (link.read !== null) return;
      const text = `expected a link type that carries IP, found ${link.name}, whose packets are left out`;
      if (!report.problems.some((line) => line.endsWith(text))) problem(offset, text);
    },
    packet(view, at, captured, original, time) {
      linkPackets++;
      const reason = dissect(view, at, captured, original, time);
      if (reason === KEPT) keep(time);
      else drop(reason);
    },
    drop,
    problem,
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

/** Finds the span of the times of a file, and how often they run backward. */
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
}
