import { applicationOf } from './application.js';
import { MAX_CAPTURED, type PacketSink } from './capture.js';
import { BLOCK_ROWS, type ColumnBlock, createColumns, joinColumns } from './columns.js';
import { conversationOf, createFlowTable, linkPairOf, takeConversations, takeStations } from './flows.js';
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

export function createIngest(): Ingest {
  const frame = createFrame();
  const flows = createFlowTable();
  const files: string[] = [];
  /** The row after the last one of each file. */
  const fileEnds: number[] = [];
  const blocks = [createColumns(BLOCK_ROWS)];
  let block = blocks[0]!;
  let row = 0;

  let report: FileReport;
  let link: Link = linkOf(-1);
  let checkSequence = 0;
  let linkPackets = 0;
  let dropped = 0;

  const rows = (): number => (blocks.length - 1) * BLOCK_ROWS + row;
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
    if (row === BLOCK_ROWS) {
      block = createColumns(BLOCK_ROWS);
      blocks.push(block);
      row = 0;
    }
    const handle = conversationOf(flows, frame);
    const conversation = handle >>> 1;
    let protocols: number = frame.family === 0 ? Protocol.OTHER : Protocol.IP;
    if (frame.transport === TCP || frame.transport === UDP) {
      const application = applicationOf(frame, flows.application, conversation);
      protocols |= (frame.transport === TCP ? Protocol.TCP : Protocol.UDP) | application;
    } else {
      protocols |= Protocol.OTHER;
    }
    block.time[row] = time;
    block.length[row] = frame.wireEnd - frame.at - frame.uncounted;
    block.protocols[row] = protocols;
    block.link[row] = linkPairOf(flows, frame);
    block.conversation[row] = conversation;
    block.reverse[row] = handle & 1;
    row++;
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
      const end = rows();
      fileEnds.push(end);
      report.kept = end - first;
      report.read = report.kept + dropped;
      if (end > first) measureTime(blocks, first, end, report);
    },
    table() {
      const packets = rows();
      const file = new Uint16Array(packets);
      for (const [index, end] of fileEnds.entries()) file.fill(index, fileEnds[index - 1] ?? 0, end);
      const { link: pairs, ...columns } = joinColumns(blocks, packets);
      const stations = takeStations(flows);
      const source = lookUp(stations.source, pairs);
      const destination = lookUp(stations.destination, pairs);
      const conversations = takeConversations(flows);
      return { packets, ...columns, source, destination, file, files, macs: stations.macs, conversations };
    },
  };
}

function lookUp(values: Uint32Array, rows: Uint32Array): Uint32Array {
  const out = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out;
}

/** Finds the span of the rows [first, end), and how often time runs backward in it. */
function measureTime(blocks: readonly ColumnBlock[], first: number, end: number, report: FileReport): void {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let backward = 0;
  for (let row = first; row < end; ) {
    const { time } = blocks[Math.floor(row / BLOCK_ROWS)]!;
    const start = row % BLOCK_ROWS;
    const stop = Math.min(BLOCK_ROWS, start + end - row);
    for (let i = start; i < stop; i++) {
      const now = time[i]!;
      if (now < last) backward++;
      if (now < from) from = now;
      if (now > to) to = now;
      last = now;
    }
    row += stop - start;
  }
  report.from = from;
  report.to = to;
  report.backward = backward;
}
