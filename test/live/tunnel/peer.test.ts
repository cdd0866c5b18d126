import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createPeer,
  HANDSHAKE,
  type Limits,
  type Peer,
  type Received,
  type Refusal,
} from '../../../src/live/tunnel/peer.js';
import { createSeals } from '../../../src/live/tunnel/seal.js';

/** Counters that a replay window tells apart: 63 blocks of 32. */
const WINDOW = 2016;

const secret = randomBytes(32);
/** Bytes of the plaintext of handshake frames. */
const ROOM = 200;

interface World {
  time: number;
  /** Milliseconds of Unix time, of each side. */
  readonly offset: { home: number; far: number };
}

const createWorld = (): World => ({ time: 1000, offset: { home: 0, far: 0 } });

function start(world: World, which: 'home' | 'far', limits: Partial<Limits> = {}, key = secret): Peer {
  return createPeer({
    secret: key,
    isHome: which === 'home',
    limits,
    clock: () => world.time,
    wall: () => 1.8e12 + world.time * 1000 + world.offset[which],
    chance: () => 0.5,
  });
}

const bytesOf = (pieces: readonly Uint8Array[] | null) => Buffer.concat(pieces!);
const data = (peer: Peer, text: string) => bytesOf(peer.seal(Buffer.from(text)));
const text = (result: Received | Refusal) =>
  typeof result === 'string' ? result : result.type === 'data' ? result.plaintext.toString() : result.type;

/** The initiation that is due at a home, as a datagram. */
function initiation(home: Peer): Buffer {
  return bytesOf(home.sealHandshake(home.poll(false)!.message, ROOM));
}

/** The answer of the far end to an initiation, as a datagram. */
function answer(far: Peer, datagram: Buffer): Buffer {
  const result = far.open(datagram);
  if (typeof result === 'string' || result.type !== 'initiation') throw new Error(`not answered: ${text(result)}`);
  return bytesOf(far.sealHandshake(result.answer, ROOM));
}

/** Opens a session. @returns all datagrams that went over the wire */
function connect(home: Peer, far: Peer): Buffer[] {
  const first = initiation(home);
  const second = answer(far, first);
  expect(text(home.open(second))).toBe('response');
  const third = data(home, 'first');
  expect(far.open(third)).toMatchObject({ type: 'data', isOpening: true, isNewest: true });
  return [first, second, third];
}

test('a handshake opens a session for data in both directions; the far end is not open before the home has proved itself', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  expect([home.isOpen, home.seal(Buffer.from('early'))]).toEqual([false, null]);
  const first = initiation(home);
  const second = answer(far, first);
  expect([far.isOpen, far.seal(Buffer.from('early'))]).toEqual([false, null]);
  expect(text(home.open(second))).toBe('response');
  expect(far.isOpen).toBe(false);
  expect(far.open(data(home, 'hello'))).toMatchObject({ type: 'data', isOpening: true });
  expect(text(home.open(data(far, 'to the home')))).toBe('to the home');
  expect(text(far.open(data(home, 'to the far end')))).toBe('to the far end');
  expect(home.statistics).toMatchObject({ isOpen: true, opened: 1, starts: 1, attempts: 0 });
});

test('another secret opens nothing and is not answered', () => {
  const world = createWorld();
  const far = start(world, 'far');
  expect(text(far.open(initiation(start(world, 'home', {}, randomBytes(32)))))).toBe('unknown');
});

test('a far end that is started again answers none of what was recorded before, handshakes included', () => {
  const world = createWorld();
  const home = start(world, 'home');
  const recorded = connect(home, start(world, 'far'));
  for (let i = 0; i < 5; i++) recorded.push(data(home, `data ${i}`));
  world.time += 10;
  const far = start(world, 'far');
  world.time += 1;
  const results = [...recorded, ...recorded].map((datagram) => text(far.open(datagram)));
  expect(results.slice(0, 3)).toEqual(['stale', 'unknown', 'unknown']);
  expect(new Set(results)).toEqual(new Set(['stale', 'unknown', 'replayed']));
  expect([far.isOpen, far.seal(Buffer.from('cover'))]).toEqual([false, null]);
  // The home itself is heard at once.
  world.time += 5;
  expect(connect(home, far).length).toBe(3);
});

test('a home that is started again believes no recorded response, and an old home no longer counts', () => {
  const world = createWorld();
  const far = start(world, 'far');
  const before = start(world, 'home');
  const [, response, first] = connect(before, far);
  const home = start(world, 'home');
  const fresh = initiation(home);
  expect(text(home.open(response!))).toBe('replayed');
  expect(text(home.open(answer(far, fresh)))).toBe('response');
  expect(text(far.open(data(before, 'still there')))).toBe('still there');
  expect(far.open(data(home, 'new'))).toMatchObject({ isOpening: true });
  expect(far.statistics.starts).toBe(2);
  for (const datagram of [data(before, 'gone'), first!]) expect(text(far.open(datagram))).toBe('unknown');
});

test('both ends may be started again at once, and again', () => {
  const world = createWorld();
  for (let i = 0; i < 3; i++) {
    expect(connect(start(world, 'home'), start(world, 'far')).length).toBe(3);
    world.time += 1;
  }
});

test('an initiation is answered once, and a replayed one changes nothing for the session that is open', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  const [first, second] = connect(home, far);
  for (let i = 0; i < 3; i++) expect(text(far.open(first!))).toBe('replayed');
  for (let i = 0; i < 3; i++) expect(text(home.open(second!))).toBe('replayed');
  expect(text(far.open(data(home, 'goes on')))).toBe('goes on');
});

test('a datagram reflected to the end that sent it is refused', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  const [first, second, third] = connect(home, far);
  for (const datagram of [first!, third!, data(home, 'data')]) expect(text(home.open(datagram))).toBe('unknown');
  for (const datagram of [second!, data(far, 'data')]) expect(text(far.open(datagram))).toBe('unknown');
});

test('no changed bit and no shortened datagram is taken, of whatever kind', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  const first = initiation(home);
  const refuse = (peer: Peer, datagram: Buffer) => {
    for (let i = 0; i < datagram.length; i++) {
      const changed = Buffer.from(datagram);
      changed[i]! ^= 1 << (i % 8);
      expect(['forged', 'unknown', 'replayed']).toContain(text(peer.open(changed)));
    }
    for (let length = 0; length < datagram.length; length++) {
      expect(['short', 'forged', 'unknown']).toContain(text(peer.open(datagram.subarray(0, length))));
    }
    expect(['forged', 'unknown']).toContain(text(peer.open(Buffer.concat([datagram, Buffer.of(0)]))));
  };
  refuse(far, first);
  const second = answer(far, first);
  refuse(home, second);
  expect(text(home.open(second))).toBe('response');
  const third = data(home, 'data');
  refuse(far, third);
  expect(text(far.open(third))).toBe('data');
});

test('in whatever order datagrams come, each is taken once; only the newest says where the other end is', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  connect(home, far);
  const datagrams = Array.from({ length: WINDOW + 2 }, (_, i) => data(home, String(i)));
  const last = datagrams.pop()!;
  const results = [3, 1, 2].map((i) => far.open(datagrams[i]!));
  expect(results).toMatchObject([
    { isNewest: true, isOpening: false },
    { isNewest: false, isOpening: false },
    { isNewest: false },
  ]);
  for (const i of [1, 2, 3]) expect(text(far.open(datagrams[i]!))).toBe('replayed');
  expect(text(far.open(last))).toBe(String(WINDOW + 1));
  // 0 and 1 are WINDOW and more behind the last, 4 is not.
  expect([0, 1, 4, 4].map((i) => text(far.open(datagrams[i]!)))).toEqual(['replayed', 'replayed', '4', 'replayed']);
});

test('a session is renewed under traffic in both directions without a loss, inside the session', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  connect(home, far);
  let lost = 0;
  let inside = 0;
  const exchange = (from: Peer, to: Peer) => {
    const datagram = data(from, 'data');
    // Some come late: after the session was renewed.
    const late = world.time % 3 < 1 ? data(from, 'late') : null;
    if (text(to.open(datagram)) !== 'data') lost++;
    return () => {
      if (late && text(to.open(late)) !== 'late') lost++;
    };
  };
  for (let i = 0; i < 600; i++) {
    world.time += 1;
    const late = [exchange(home, far), exchange(far, home)];
    const due = home.poll(true);
    if (due) {
      inside += due.isInside ? 1 : 0;
      const result = far.takeHandshake(due.message);
      if (typeof result === 'string' || result.type !== 'initiation') throw new Error('not answered');
      late.push(exchange(home, far), exchange(far, home));
      expect(text(home.takeHandshake(result.answer))).toBe('response');
    }
    late.push(exchange(home, far), exchange(far, home));
    for (const one of late) one();
  }
  // Every 114 s: 120 less half of a tenth, by the chance that this test has chosen.
  expect({ lost, inside }).toEqual({ lost: 0, inside: 5 });
  expect([home.statistics.opened, far.statistics.opened, far.statistics.starts]).toEqual([6, 6, 1]);
});

test('a session is renewed after so many datagrams, and ends after more', () => {
  const world = createWorld();
  const limits = { rekeyMessages: 10, rejectMessages: 20 };
  const [home, far] = [start(world, 'home', limits), start(world, 'far', limits)];
  connect(home, far);
  for (let i = 0; i < 8; i++) data(home, 'x');
  expect(home.poll(true)).toBeNull();
  data(home, 'x');
  expect(home.poll(true)).toMatchObject({ isInside: true });
  for (let i = 0; i < 10; i++) data(home, 'x');
  expect(home.isOpen).toBe(false);
  expect(home.seal(Buffer.from('x'))).toBeNull();
});

test('a session ends by its age at both ends, and nothing of it is taken afterwards', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  connect(home, far);
  const datagram = data(home, 'data');
  world.time += 180;
  expect([home.isOpen, far.isOpen, far.seal(Buffer.from('cover'))]).toEqual([false, false, null]);
  expect(text(far.open(datagram))).toBe('unknown');
});

test('a home that sends and hears nothing asks anew within seconds; one that is answered in vain asks less and less often', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  connect(home, far);
  const asked: number[] = [];
  const from = world.time;
  for (let i = 0; i < 400; i++) {
    world.time += 0.25;
    if (world.time - from < 100) data(home, 'anybody?');
    const due = home.poll(true);
    if (!due) continue;
    expect(due.isInside).toBe(false);
    asked.push(world.time - from);
    home.open(answer(far, bytesOf(home.sealHandshake(due.message, ROOM))));
  }
  // After 5 s, then 10, 20, 40 more, each counted from the datagram after the answer, a quarter of a second later.
  expect(asked).toEqual([5, 15.25, 35.5, 75.75]);
});

test('where nobody answers inside the session, the home asks outside it, as soon as it has heard nothing for seconds', () => {
  for (const isSending of [true, false]) {
    const world = createWorld();
    const [home, far] = [start(world, 'home'), start(world, 'far')];
    connect(home, far);
    home.open(data(far, 'heard'));
    world.time += 115;
    expect(home.poll(true)).toMatchObject({ isInside: true });
    const from = world.time;
    let due: ReturnType<Peer['poll']> = null;
    while (!due) {
      world.time += 0.25;
      if (isSending) data(home, 'anybody?');
      due = home.poll(true);
    }
    expect(due.isInside).toBe(false);
    expect(world.time - from).toBe(isSending ? 5.25 : 20);
    expect(home.isOpen).toBe(true);
  }
});

test('lost handshakes are tried again, ever less often and not at one beat, for as long as it takes', () => {
  const world = createWorld();
  let draw = 0;
  const home = createPeer({ secret, isHome: true, clock: () => world.time, chance: () => (draw = (draw + 0.37) % 1) });
  const at: number[] = [];
  for (let i = 0; i < 4000; i++) {
    if (home.poll(true)) at.push(world.time);
    world.time += 0.05;
  }
  const gaps = at.slice(1).map((time, i) => time - at[i]!);
  for (const [i, gap] of gaps.entries()) {
    const planned = Math.min(15, 2 ** i);
    expect(gap).toBeGreaterThan(planned * 0.8 - 0.1);
    expect(gap).toBeLessThan(planned * 1.2 + 0.1);
  }
  expect(gaps.length).toBeGreaterThan(12);
  expect(new Set(gaps.slice(5).map((gap) => gap.toFixed(1))).size).toBeGreaterThan(3);
  expect(home.statistics.attempts).toBe(at.length);
});

test('only the answer to the last attempt counts, and it opens the session however late it is', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  const early = answer(far, initiation(home));
  world.time += 2;
  const late = answer(far, initiation(home));
  expect(text(home.open(early))).toBe('replayed');
  expect(text(home.open(late))).toBe('response');
  expect(far.open(data(home, 'first'))).toMatchObject({ isOpening: true });
});

test('clocks that differ by years, either way, cost one attempt at most', () => {
  const years = 3 * 365 * 86_400e3;
  for (const [offset, attempts] of [
    [-years, 2],
    [years, 1],
  ] as const) {
    const world = createWorld();
    world.offset.home = offset;
    const far = start(world, 'far');
    world.time += 60;
    const home = start(world, 'home');
    let tried = 1;
    while (typeof far.open(initiation(home)) === 'string') {
      tried++;
      world.time += 1.3;
    }
    expect(tried).toBe(attempts);
  }
});

test('a far end answers only so many handshakes, though they are authentic', () => {
  const world = createWorld();
  const far = start(world, 'far');
  const open = () => text(far.open(initiation(start(world, 'home'))));
  const count = (n: number) => Array.from({ length: n }, open).filter((result) => result === 'initiation').length;
  expect(count(40)).toBe(10);
  world.time += 1;
  expect(count(40)).toBe(5);
  world.time += 1000;
  expect(count(40)).toBe(10);
});

test('a handshake of another version of the format, by a holder of the key, is told apart and not answered', () => {
  const far = start(createWorld(), 'far');
  // Prefixes keep their key from version to version, and names of handshakes their zeros.
  const later = { name: Buffer.from('0000000000000003', 'hex'), key: randomBytes(32) };
  const datagram = bytesOf(createSeals(secret, 1).seal(later, randomBytes(8), randomBytes(90)));
  expect(far.open(datagram)).toBe('version');
  expect(far.statistics.otherVersion).toBe(3);
});

test('whatever a stranger sends, who has recorded all of an earlier start, no more bytes come back than they sent, and nobody is believed', () => {
  const world = createWorld();
  // The worst for the far end: no recorded handshake seems old to it.
  world.offset.home = 3600e3;
  const old = { home: start(world, 'home'), far: start(world, 'far') };
  const recorded = connect(old.home, old.far);
  // Handshakes of several starts and of attempts that were never answered.
  for (let i = 0; i < 6; i++) {
    world.time += 3;
    const home = start(world, 'home');
    recorded.push(initiation(home));
    world.time += 2;
    recorded.push(...connect(home, old.far));
  }
  world.time += 20;
  const action = fc.oneof(
    fc.nat({ max: recorded.length - 1 }).map((i) => recorded[i]!),
    fc
      .record({ i: fc.nat({ max: recorded.length - 1 }), at: fc.nat({ max: 231 }), bit: fc.nat({ max: 7 }) })
      .map(({ i, at, bit }) => {
        const changed = Buffer.from(recorded[i]!);
        changed[at % changed.length]! ^= 1 << bit;
        return changed;
      }),
    fc
      .record({ i: fc.nat({ max: recorded.length - 1 }), end: fc.nat({ max: 231 }) })
      .map(({ i, end }) => recorded[i]!.subarray(0, end)),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  );
  let answered = 0;
  const step = fc.record({ datagram: action, wait: fc.double({ min: 0, max: 5, noNaN: true }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      world.time += 1;
      const far = start(world, 'far');
      let [came, went] = [0, 0];
      for (const { datagram, wait } of steps) {
        world.time += wait;
        came += datagram.length;
        const result = far.open(datagram);
        if (typeof result !== 'string' && result.type === 'initiation') {
          answered++;
          // As openTunnelEnd does: a frame as long as the one that came.
          went += bytesOf(far.sealHandshake(result.answer, datagram.length - 32)).length;
        } else {
          expect(typeof result).toBe('string');
        }
        expect(went).toBeLessThanOrEqual(came);
        expect([far.isOpen, far.seal(Buffer.from('cover'))]).toEqual([false, null]);
      }
    }),
    { numRuns: 60 },
  );
  expect(answered).toBeGreaterThan(0);
});

test('handshakes have room in the frames that are meant for them', () => {
  const world = createWorld();
  const [home, far] = [start(world, 'home'), start(world, 'far')];
  const { message } = home.poll(false)!;
  expect(message.length).toBeLessThanOrEqual(HANDSHAKE);
  const result = far.open(bytesOf(home.sealHandshake(message, HANDSHAKE)));
  expect(typeof result !== 'string' && result.type === 'initiation' && result.answer.length).toBe(HANDSHAKE);
});
