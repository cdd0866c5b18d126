import { readFileSync } from 'node:fs';
import { deserialize } from 'node:v8';
import { type Observed, settle } from '../shaping/account.js';
import { ETHERNET_HEADER, flowOfTunnel } from '../shaping/kit/tunnel.js';
import { InputError } from '../shared/errors.js';
import type { PacketTable } from '../trace/packets.js';
import { TCP, UDP } from '../trace/read/frame.js';
import { readCaptures } from '../trace/read/read.js';
import { createTraceBuilder, Direction, filterPackets, NO_DEVICE, type Trace, timeOrder } from '../trace/trace.js';
import { type Datagram, readDatagrams } from './datagrams.js';
import { type EndColumns, prefixNumber } from './end-log.js';
import { isDatagrams, type Script } from './script.js';
import { isOfWeb } from './stage.js';
import { isData, matchPackets } from './wireguard.js';

/** Time and speed at which a script was played. */
export interface Timing {
  readonly script: Script;
  /** Beginning, in seconds since the Unix epoch. */
  readonly start: number;
  readonly speed: number;
}

/** Traffic captured outside the gateway, with ground truth, at the script's times. */
export interface Recorded extends Observed {
  /** Number of packets that are not in the script, which are left out. */
  readonly strangers: number;
}

/** Finds the device that has a port of the home. */
function createOwners(script: Script) {
  const owners = new Map<number, number>();
  const key = (transport: number, port: number): number => transport * 65_536 + port;
  for (const { speech, localPort, device } of script.parts)
    owners.set(key(isDatagrams(speech) ? UDP : TCP, localPort), device);
  return (transport: number, port: number): number => owners.get(key(transport, port)) ?? NO_DEVICE;
}

const STRANGER = -1;

interface Row {
  readonly flow: number;
  readonly direction: Direction;
  readonly port: number;
  /** {@link NO_DEVICE} for cover, {@link STRANGER}. */
  readonly device: number;
}

/**
 * Finds the device of each packet of a capture by the port at the home's end, which no two connections of a script share.
 * @param own the home's address
 */
function createRows(
  table: PacketTable,
  { script }: Timing,
  own: string,
  flow: ReturnType<typeof createTraceBuilder>['flow'],
): (i: number) => Row | null {
  const { conversations } = table;
  const ownerOf = createOwners(script);
  const known = new Map<
    number,
    { readonly flow: number; readonly isA: boolean; readonly port: number; readonly device: number } | null
  >();
  const look = (conversation: number) => {
    const transport = conversations.transport[conversation]!;
    const [a, b] = [conversations.addressA, conversations.addressB].map(
      (ends) => conversations.addresses[ends[conversation]!]!,
    ) as [string, string];
    const isA = a === own;
    if ((transport !== TCP && transport !== UDP) || (!isA && b !== own)) return null;
    const [localPort, remotePort] = isA
      ? [conversations.portA[conversation]!, conversations.portB[conversation]!]
      : [conversations.portB[conversation]!, conversations.portA[conversation]!];
    const remoteAddress = isA ? b : a;
    const owner = ownerOf(transport, localPort);
    const device = isOfWeb(remoteAddress) ? NO_DEVICE : owner === NO_DEVICE ? STRANGER : owner;
    const row = flow({
      transport,
      localPort,
      remotePort,
      localAddress: own,
      remoteAddress,
      wan: true,
      header: ETHERNET_HEADER,
    });
    return { flow: row, isA, port: remotePort, device };
  };
  return (i) => {
    const conversation = table.conversation[i]!;
    let found = known.get(conversation);
    if (found === undefined) {
      found = look(conversation);
      known.set(conversation, found);
    }
    if (!found) return null;
    const fromOwn = (table.reverse[i] === 0) === found.isA;
    const { flow: row, port, device } = found;
    return { flow: row, port, device, direction: fromOwn ? Direction.OUTBOUND : Direction.INBOUND };
  };
}

/** Converts real time to the script's time. */
const scriptTime = ({ script, start, speed }: Timing, time: number): number => script.from + (time - start) * speed;

/**
 * Reads a capture outside the gateway, without a tunnel.
 * @throws InputError where it holds no packet of the home
 */
export async function readOutside(file: string, timing: Timing, own: string): Promise<Recorded> {
  const { trace, strangers } = await readHome([file], timing, own);
  const original = trace.cover.includes(1) ? filterPackets(trace, (row) => trace.cover[row] === 0) : trace;
  return { trace, original, delivered: original.time, dropped: 0, strangers };
}

/** Packets of the home in one or several captures. */
interface HomePackets {
  readonly table: PacketTable;
  readonly trace: Trace;
  /** Row in the trace of each packet of the table; -1 where it has none. */
  readonly rowOf: Int32Array;
  readonly strangers: number;
}

/** @param headers bytes to add to each length, for captures whose frames begin with IP */
async function readHome(files: readonly string[], timing: Timing, own: string, headers = 0): Promise<HomePackets> {
  const { script } = timing;
  const { table } = await readCaptures(files, { duplicates: 'keep' });
  const builder = createTraceBuilder(script.devices, undefined, Math.max(1, table.packets));
  const describe = createRows(table, timing, own, builder.flow);
  const order: number[] = [];
  const times: number[] = [];
  let strangers = 0;
  for (let i = 0; i < table.packets; i++) {
    const row = describe(i);
    const time = scriptTime(timing, table.time[i]!);
    if (!row || time < script.from || time >= script.from + script.seconds) continue;
    const { flow, direction, port, device } = row;
    if (device === STRANGER) {
      strangers++;
      continue;
    }
    order.push(i);
    times.push(time);
    const [length, protocols] = [table.length[i]! + headers, table.protocols[i]!];
    builder.push({ time, direction, port, flow, device, length, protocols, cover: device === NO_DEVICE ? 1 : 0 });
  }
  if (order.length === 0) throw new InputError('live: nothing of the home was captured');
  const rowOf = new Int32Array(table.packets).fill(-1);
  // The builder sorts in the same way.
  for (const [row, at] of timeOrder(Float64Array.from(times)).entries()) rowOf[order[at]!] = row;
  return { table, trace: builder.build(), rowOf, strangers };
}

/** A capture of the gateway's wire when all traffic goes through a VPN, and what identifies the packets in it. */
export interface TunnelledCaptures {
  readonly wire: string;
  /** Captures of the packets that entered the VPN, at the gateway and in the Internet. */
  readonly entered: readonly [home: string, far: string];
  /** UDP port on the wire. */
  readonly port: number;
  /** Addresses of the gateway on the wire, and in the VPN. */
  readonly gateway: string;
  readonly own: string;
  /** Logs of the two ends of the live tunnel; null where the VPN itself is on the wire. */
  readonly logs: readonly [home: string, far: string] | null;
}

/**
 * Reads a capture of a VPN, or of a live tunnel around it, and finds the packets that each frame carries. The packets that enter the VPN
 * are captured too. WireGuard keeps their order, and the logs of the tunnel's ends say which frame carries which datagram.
 * @throws InputError where no packet of the home is found
 */
export async function readTunnelled(
  { wire, entered, port, gateway, own, logs }: TunnelledCaptures,
  timing: Timing,
): Promise<Recorded> {
  const home = await readHome(entered, timing, own, ETHERNET_HEADER);
  const original = home.trace;
  const datagrams = await readDatagrams(wire, port, gateway);
  const sides = [enteredAt(home, 0), enteredAt(home, 1)] as const;
  const carriedBy = logs ? inFrames(sides, logs, original) : inDatagrams(sides, datagrams, original);

  const builder = createTraceBuilder(original.devices, undefined, Math.max(1, datagrams.length));
  const { protocols, transport, port: usual, header } = flowOfTunnel({ tunnel: 'wireguard' });
  const [localAddress, remoteAddress] = [gateway, '198.51.100.1'];
  const flow = builder.flow({
    transport,
    header,
    localPort: usual,
    remotePort: usual,
    localAddress,
    remoteAddress,
    wan: true,
  });
  const account = { start: [0], packet: [] as number[], bytes: [] as number[] };
  const { from, seconds } = timing.script;
  for (const [i, datagram] of datagrams.entries()) {
    const time = scriptTime(timing, datagram.time);
    const shares = carriedBy(datagram, i);
    if (shares === null) continue;
    const own = shares.filter(({ packet }) => packet >= 0);
    // Frames that carry only packets from before or after the script are left out, and so is cover at such times.
    const isOutside = own.length === 0 && (shares.length > 0 || time >= from + seconds);
    if (time < from || isOutside) continue;
    for (const { packet, bytes } of own) {
      account.packet.push(packet);
      account.bytes.push(bytes);
    }
    account.start.push(account.packet.length);
    const direction = datagram.isOwn ? Direction.OUTBOUND : Direction.INBOUND;
    builder.push({
      time,
      flow,
      protocols,
      port: usual,
      direction,
      device: NO_DEVICE,
      cover: 1,
      length: datagram.length,
    });
  }
  if (account.packet.length === 0) throw new InputError('live: of no frame on the wire can it be told what it carries');
  const [start, packet, bytes] = [account.start, account.packet, account.bytes].map((column) =>
    Uint32Array.from(column),
  );
  const carried = { trace: builder.build(), account: { start: start!, packet: packet!, bytes: bytes! } };
  const { trace, delivered, dropped } = settle(original, carried);
  return { trace, original, delivered, dropped, strangers: home.strangers };
}

/** Packets that entered one end of the VPN, in order. */
interface Entered {
  /** Bytes of the IP packets. */
  readonly lengths: Uint32Array;
  /** Rows of the home's trace; -1 for a packet that is not in it. */
  readonly rows: Int32Array;
}

function enteredAt({ table, rowOf }: HomePackets, side: number): Entered {
  const places: number[] = [];
  for (let i = 0; i < table.packets; i++) if (table.file[i] === side) places.push(i);
  return {
    lengths: Uint32Array.from(places, (i) => table.length[i]!),
    rows: Int32Array.from(places, (i) => rowOf[i]!),
  };
}

/** Some bytes of a packet, as its row in the home's trace; -1 for a packet that is not in it. */
interface Share {
  readonly packet: number;
  readonly bytes: number;
}

/** Finds what a datagram on the wire carries: nothing where it is cover, null where it is the VPN's own, such as a handshake. */
type Carriers = (datagram: Datagram, index: number) => Share[] | null;

const sideOf = ({ isOwn }: Datagram): 0 | 1 => (isOwn ? 0 : 1);

/** Rows of the packets that the datagrams of WireGuard carry. @param datagrams their lengths in bytes */
function rowsOf({ lengths, rows }: Entered, datagrams: readonly number[]): number[] {
  return Array.from(matchPackets(datagrams, lengths), (packet) => (packet < 0 ? -1 : rows[packet]!));
}

function inDatagrams(sides: readonly Entered[], datagrams: readonly Datagram[], { length }: Trace): Carriers {
  const rowOf = new Int32Array(datagrams.length).fill(-1);
  const carries = datagrams.map(({ head, payload }) => isData(head, payload));
  for (const [side, entered] of sides.entries()) {
    const places = [...datagrams.keys()].filter((i) => carries[i] && sideOf(datagrams[i]!) === side);
    const rows = rowsOf(
      entered,
      places.map((i) => datagrams[i]!.payload),
    );
    for (const [k, i] of places.entries()) rowOf[i] = rows[k]!;
  }
  return (_, i) => (carries[i] ? [{ packet: rowOf[i]!, bytes: length[rowOf[i]!] ?? 0 }] : null);
}

function inFrames(sides: readonly Entered[], files: readonly string[], { length }: Trace): Carriers {
  const logs = files.map((file, side) => {
    const log = deserialize(readFileSync(file)) as EndColumns;
    const { takenIsData, takenLength, takenNumber, sentPrefix } = log;
    const data = [...takenIsData.keys()].filter((i) => takenIsData[i] === 1);
    const rows = rowsOf(
      sides[side]!,
      data.map((i) => takenLength[i]!),
    );
    const known = new Map<number, { readonly row: number; readonly length: number }>();
    for (const [k, i] of data.entries()) known.set(takenNumber[i]!, { row: rows[k]!, length: takenLength[i]! });
    const frames = new Map<number, number>();
    for (const [frame, prefix] of sentPrefix.entries()) frames.set(prefix, frame);
    return { ...log, known, frames };
  });
  return (datagram) => {
    const log = logs[sideOf(datagram)]!;
    const frame = log.frames.get(prefixNumber(datagram.head));
    if (frame === undefined) return null;
    const shares: Share[] = [];
    const [from, to] = [frame === 0 ? 0 : log.sentEnd[frame - 1]!, log.sentEnd[frame]!];
    let isVpnsOwn = to > from;
    for (let j = from; j < to; j++) {
      const inside = log.known.get(log.segmentNumber[j]!);
      if (!inside) continue;
      isVpnsOwn = false;
      const { row, length: whole } = inside;
      // A share of a datagram's bytes stands for the same share of the packet in it.
      const upTo = (bytes: number): number => (row < 0 ? 0 : Math.floor((length[row]! * bytes) / whole));
      const [first, size] = [log.segmentOffset[j]!, log.segmentBytes[j]!];
      const bytes = upTo(first + size) - upTo(first);
      if (row < 0 || bytes > 0) shares.push({ packet: row, bytes });
    }
    return isVpnsOwn ? null : shares;
  };
}
