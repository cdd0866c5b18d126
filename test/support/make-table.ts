import type { FileReport, IngestReport, PacketTable } from '../../src/trace/packets.js';

/** One packet as a reader would see it; addresses of sender and receiver. */
export interface TestPacket {
  readonly time?: number;
  readonly length?: number;
  readonly protocols?: number;
  /** MAC addresses; '' where the link has none. */
  readonly macs?: readonly [string, string];
  /** IP addresses; '' for a frame without IP. */
  readonly ips?: readonly [string, string];
  readonly ports?: readonly [number, number];
  readonly transport?: number;
  readonly file?: string;
}

/** Builds by hand what the readers would make of packets. */
export function makeTable(packets: readonly TestPacket[]): { table: PacketTable; report: IngestReport } {
  const macs = [''];
  const addresses = [''];
  const files: string[] = [];
  const id = (list: string[], value: string) => {
    const known = list.indexOf(value);
    return known >= 0 ? known : list.push(value) - 1;
  };
  const conversations: { key: string; a: number; b: number; portA: number; portB: number; transport: number }[] = [];
  const rows = packets.map((packet, i) => {
    const { ips = ['', ''], ports = [0, 0], transport = 0, macs: ends = ['', ''], file = 'a.pcap' } = packet;
    const [source, destination] = [id(macs, ends[0]), id(macs, ends[1])];
    const [a, b] = [id(addresses, ips[0]), id(addresses, ips[1])];
    // Frames without IP make a conversation for each pair of MAC addresses.
    const ethernet = ips[0] === '' ? [source, destination] : [];
    const key = JSON.stringify([a, ports[0], b, ports[1], transport, ...ethernet]);
    const back = JSON.stringify([b, ports[1], a, ports[0], transport, ...[...ethernet].reverse()]);
    let conversation = conversations.findIndex((known) => known.key === key || known.key === back);
    if (conversation < 0) {
      conversation = conversations.push({ key, a, b, portA: ports[0], portB: ports[1], transport }) - 1;
    }
    return {
      time: packet.time ?? i,
      length: packet.length ?? 100,
      protocols: packet.protocols ?? 1,
      source,
      destination,
      conversation,
      reverse: conversations[conversation]!.key === key ? 0 : 1,
      file: id(files, file),
    };
  });
  const table: PacketTable = {
    packets: rows.length,
    time: Float64Array.from(rows, (row) => row.time),
    length: Uint32Array.from(rows, (row) => row.length),
    protocols: Uint8Array.from(rows, (row) => row.protocols),
    source: Uint32Array.from(rows, (row) => row.source),
    destination: Uint32Array.from(rows, (row) => row.destination),
    conversation: Uint32Array.from(rows, (row) => row.conversation),
    reverse: Uint8Array.from(rows, (row) => row.reverse),
    file: Uint16Array.from(rows, (row) => row.file),
    files,
    macs,
    conversations: {
      count: conversations.length,
      transport: Uint8Array.from(conversations, (row) => row.transport),
      portA: Uint16Array.from(conversations, (row) => row.portA),
      portB: Uint16Array.from(conversations, (row) => row.portB),
      addressA: Uint32Array.from(conversations, (row) => row.a),
      addressB: Uint32Array.from(conversations, (row) => row.b),
      header: new Uint8Array(conversations.length).fill(14),
      encrypted: new Uint8Array(conversations.length),
      addresses,
    },
  };
  const counted = (count: number) => ({ read: count, kept: count, dropped: {}, backward: 0 });
  const fileReports = files.map(
    (path, file): FileReport => ({
      path,
      format: 'pcap',
      bytes: 0,
      ...counted(rows.filter((row) => row.file === file).length),
      setBack: null,
      links: {},
      from: null,
      to: null,
      problems: [],
    }),
  );
  return { table, report: { ...counted(rows.length), gaps: [], files: fileReports, skipped: [] } };
}
