import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { builtIns, prepareAll, resolveDefense } from '../../../src/harness/plugins/registry.js';
import { openTunnelEnd, type TunnelEnd, type TunnelOptions } from '../../../src/live/tunnel/end.js';
import { createRng } from '../../../src/shared/rng.js';

const HOST = '127.0.0.1';
const RATE = 'constant-rate:size=700,interval=0.01';
/** Payload of a frame of 700 bytes: less Ethernet, IPv4 and UDP. */
const PAYLOAD = 658;

interface Frame {
  readonly bytes: Buffer;
  readonly fromHome: boolean;
}

/** The provider between the ends: passes everything on, records it, and may lose some. */
interface Wire {
  readonly port: number;
  readonly frames: Frame[];
  /** The home's address, as the wire sees it. */
  readonly home: RemoteInfo;
  drop: (frame: Frame) => boolean;
  /** Gives the home another port towards the far end, as a router that was started again. */
  move(): Promise<void>;
}

const secret = randomBytes(32);
let open: { close(): void }[] = [];

async function socketAt(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, HOST);
  await once(socket, 'listening');
  open.push(socket);
  return socket;
}

let server: Socket;
let client: Socket;
let attacker: Socket;
let stolen: Buffer[];

beforeEach(async () => {
  [server, client, attacker] = [await socketAt(), await socketAt(), await socketAt()];
  server.on('message', (message, from) => server.send(message, from.port, from.address));
  stolen = [];
  attacker.on('message', (message) => stolen.push(message));
});

afterEach(() => {
  for (const one of open) one.close();
  open = [];
});

async function startEnd(defense: string, options: Partial<TunnelOptions> & Pick<TunnelOptions, 'listen'>) {
  const defenses = await prepareAll(resolveDefense(defense), { trace: null, rng: createRng(1) }, builtIns);
  const end = await openTunnelEnd({ secret, defenses, ...options });
  open.push(end);
  return end;
}

const startFar = (defense: string, port = 0, options: Partial<TunnelOptions> = {}) =>
  startEnd(defense, { listen: { host: HOST, port }, forward: { host: HOST, port: server.address().port }, ...options });

const startHome = (defense: string, port: number, options: Partial<TunnelOptions> = {}) =>
  startEnd(defense, { listen: { host: HOST, port: 0 }, peer: { host: HOST, port }, ...options });

async function createWire(far: number): Promise<Wire> {
  const frames: Frame[] = [];
  const [inside, first] = [await socketAt(), await socketAt()];
  let outside = first;
  let home: RemoteInfo | null = null;
  const take = (bytes: Buffer, fromHome: boolean, pass: () => void) => {
    const frame = { bytes, fromHome };
    frames.push(frame);
    if (!wire.drop(frame)) pass();
  };
  const listen = (socket: Socket) =>
    socket.on('message', (bytes) => take(bytes, false, () => inside.send(bytes, home!.port, home!.address)));
  inside.on('message', (bytes, from) => {
    home = from;
    take(bytes, true, () => outside.send(bytes, far, HOST));
  });
  listen(first);
  const wire: Wire = {
    port: inside.address().port,
    frames,
    get home() {
      return home!;
    },
    drop: () => false,
    async move() {
      outside = await socketAt();
      listen(outside);
    },
  };
  return wire;
}

/** Sends so many datagrams of the VPN, one every 10 ms. @returns how many came back as they were, within a second of the last */
async function ping(home: TunnelEnd, count = 10, patience = 1000): Promise<number> {
  const left = new Set<string>();
  const take = (message: Buffer) => left.delete(message.toString('hex'));
  client.on('message', take);
  for (let i = 0; i < count; i++) {
    const bytes = randomBytes(60);
    left.add(bytes.toString('hex'));
    client.send(bytes, home.listening.port, HOST);
    await pause(10);
  }
  for (let i = 0; i < patience / 20 && left.size > 0; i++) await pause(20);
  client.off('message', take);
  return count - left.size;
}

const sendTo = (port: number, bytes: Uint8Array) => attacker.send(bytes, port, HOST);
const bytesOf = (frames: readonly { length: number }[]) => frames.reduce((sum, { length }) => sum + length, 0);

/** Opens a session over a recorded wire, with some traffic in it. */
async function record(defense: string, limits: TunnelOptions['limits'] = {}) {
  const far = await startFar(defense, 0, { limits });
  const wire = await createWire(far.listening.port);
  const home = await startHome(defense, wire.port, { limits });
  expect(await ping(home, 10, 5000)).toBe(10);
  return { far, wire, home };
}

test('recorded frames sent to a far end that was started again bring nothing back: no data, no cover, no session', async () => {
  for (const defense of [RATE, 'pad:rule=mtu']) {
    const { far, wire, home } = await record(defense);
    const { port } = far.listening;
    home.close();
    far.close();
    await pause(50);
    const again = await startFar(defense, port);
    const recorded = wire.frames.filter(({ fromHome }) => fromHome).map(({ bytes }) => bytes);
    expect(recorded.length).toBeGreaterThan(10);
    // Handshakes are as long as all else, so there is nothing to choose by.
    expect(new Set(wire.frames.map(({ bytes }) => bytes.length)).size).toBe(1);
    for (const bytes of [...recorded, ...recorded]) sendTo(port, bytes);
    await pause(500);
    const { refused, session, sent, received, delivered } = again.statistics();
    expect({ back: bytesOf(stolen), sent, received, delivered, session }).toMatchObject({
      back: 0,
      sent: { frames: 0 },
      received: { frames: 0 },
      delivered: { datagrams: 0 },
      session: { isOpen: false, opened: 0 },
    });
    expect(refused.unknown).toBeGreaterThan(10);
    again.close();
  }
});

test('in a session, frames that are replayed, reflected, changed or made up bring nothing back and change nothing', async () => {
  const { far, wire, home } = await record(RATE);
  const inside = wire.home.port;
  const [out, back] = [true, false].map((way) =>
    wire.frames.filter(({ fromHome }) => fromHome === way).map(({ bytes }) => bytes),
  );
  for (const port of [far.listening.port, inside]) {
    for (const bytes of [...out!.slice(0, 50), ...back!.slice(0, 50)]) {
      sendTo(port, bytes);
      const changed = Buffer.from(bytes);
      changed[(bytes[3]! * 7) % bytes.length]! ^= 1 << (bytes[4]! % 8);
      sendTo(port, changed);
      sendTo(port, bytes.subarray(0, bytes[5]));
      sendTo(port, Buffer.concat([bytes, Buffer.of(0)]));
    }
    for (const length of [0, 1, 15, 16, 31, 32, 33, 1472, 9000]) sendTo(port, randomBytes(length));
  }
  await pause(200);
  expect(await ping(home)).toBe(10);
  expect(bytesOf(stolen)).toBe(0);
  expect([home, far].map((end) => end.statistics().session)).toMatchObject([
    { isOpen: true, opened: 1, starts: 1 },
    { isOpen: true, opened: 1, starts: 1 },
  ]);
  expect(far.statistics().refused.replayed).toBeGreaterThan(20);
});

test('under thousands of forged frames a second the tunnel goes on', async () => {
  const { far, wire, home } = await record('pad:rule=mtu');
  const recorded = wire.frames.filter(({ fromHome }) => fromHome).map(({ bytes }) => bytes);
  const flood = async () => {
    for (let i = 0; i < 6000; i++) {
      // Half of them are real but for a bit: they cost most.
      const bytes = i % 2 === 0 ? randomBytes(200) : Buffer.from(recorded[i % recorded.length]!);
      bytes[bytes.length - 1]! ^= 1;
      sendTo(far.listening.port, bytes);
      if (i % 20 === 19) await pause(1);
    }
  };
  const flooding = flood();
  const came = await ping(home, 30, 3000);
  await flooding;
  const { unknown, forged, replayed } = far.statistics().refused;
  expect(unknown + forged + replayed).toBeGreaterThan(3000);
  // The kernel may lose some where the machine is busy.
  expect(came).toBeGreaterThan(15);
  expect(bytesOf(stolen)).toBe(0);
  expect(await ping(home, 10, 3000)).toBe(10);
});

test('handshakes that get lost are sent again, and what the VPN has sent meanwhile arrives', async () => {
  const far = await startFar('pad:rule=mtu');
  const wire = await createWire(far.listening.port);
  // The first initiation, then the first answer.
  const lost = [true, false];
  wire.drop = ({ fromHome }) => {
    if (lost[0] !== fromHome) return false;
    lost.shift();
    return true;
  };
  const home = await startHome('pad:rule=mtu', wire.port);
  expect(await ping(home, 5, 8000)).toBe(5);
  expect(lost).toEqual([]);
  expect(home.statistics()).toMatchObject({ lost: { waited: 0 }, session: { opened: 1 } });
});

test('a handshake that was held back and is sent from elsewhere gets one answer as long as itself, and leads nowhere', async () => {
  for (const defense of [RATE, 'none']) {
    stolen.length = 0;
    const far = await startFar(defense);
    const wire = await createWire(far.listening.port);
    let held: Buffer | null = null;
    wire.drop = ({ bytes }) => {
      if (held) return false;
      held = bytes;
      return true;
    };
    const home = await startHome(defense, wire.port);
    expect(await ping(home, 5, 8000)).toBe(5);
    for (let i = 0; i < 3; i++) sendTo(far.listening.port, held!);
    // It may take the place of a frame to the home.
    await pause(1200);
    expect(stolen.map(({ length }) => length)).toEqual([held!.length]);
    // The one who got the answer does not have the key that goes with the handshake.
    sendTo(far.listening.port, stolen[0]!);
    expect(await ping(home, 10, 3000)).toBe(10);
    expect([stolen.length, far.statistics().session.opened]).toEqual([1, 1]);
  }
});

test('the far end follows the home to another address when a new frame comes from there, and to no other', async () => {
  const { wire, home } = await record(RATE);
  await wire.move();
  expect(await ping(home, 10, 3000)).toBe(10);
  expect(bytesOf(stolen)).toBe(0);
});

test('at a constant rate handshakes are as long as all frames, a renewed session adds none, and nothing is lost by it', async () => {
  const { far, wire, home } = await record(RATE, { rekeyAfter: 0.6, rejectAfter: 30 });
  for (let i = 0; i < 3; i++) expect(await ping(home, 60, 3000)).toBe(60);
  expect(home.statistics().session.opened).toBeGreaterThan(2);
  expect(far.statistics().session.opened).toBeGreaterThan(2);
  expect(new Set(wire.frames.map(({ bytes }) => bytes.length))).toEqual(new Set([PAYLOAD]));
  // All but the three frames of the first handshake were planned.
  const { sent, late } = home.statistics();
  expect(late.p50).not.toBeNull();
  expect(sent.frames).toBeLessThanOrEqual(home.statistics().seconds / 0.01 + 4);
});

test('either end that was started again is heard within seconds, at a constant rate too', async () => {
  const { far, wire, home } = await record(RATE);
  const { port } = far.listening;
  far.close();
  await pause(50);
  const again = await startFar(RATE, port);
  // Until the home has noticed, after 5 s, all are lost.
  for (let i = 0; i < 100 && (await ping(home, 1, 100)) === 0; i++);
  expect(await ping(home, 5, 3000)).toBe(5);
  expect(again.statistics().session).toMatchObject({ isOpen: true, starts: 1 });
  expect(home.statistics().session.starts).toBe(2);
  expect(new Set(wire.frames.map(({ bytes }) => bytes.length))).toEqual(new Set([PAYLOAD]));
  home.close();
  const next = await startHome(RATE, wire.port);
  expect(await ping(next, 10, 5000)).toBe(10);
  expect(again.statistics().session.starts).toBe(2);
}, 30_000);

test('a far end whose home has gone stops sending to where it was', async () => {
  const { far, home, wire } = await record(RATE, { rekeyAfter: 0.5, rejectAfter: 1 });
  home.close();
  await pause(1500);
  const before = wire.frames.length;
  await pause(500);
  expect(wire.frames.length - before).toBe(0);
  expect(far.statistics().session.isOpen).toBe(false);
  expect(far.statistics().unsent).toBeGreaterThan(20);
});

test('a home whose far end has gone keeps up its constant rate, and says that it waits', async () => {
  const { far, home, wire } = await record(RATE, { rekeyAfter: 0.5, rejectAfter: 1 });
  far.close();
  await pause(1500);
  const before = wire.frames.length;
  await pause(500);
  const sent = wire.frames.slice(before);
  expect(sent.length).toBeGreaterThan(20);
  expect(new Set(sent.map(({ bytes }) => bytes.length))).toEqual(new Set([PAYLOAD]));
  expect(home.statistics().session).toMatchObject({ isOpen: false, attempts: expect.any(Number) });
  expect(home.statistics().session.attempts).toBeGreaterThan(0);
});
