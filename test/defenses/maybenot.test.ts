import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import maybenot from '../../defenses/maybenot.js';
import { trialChecks } from '../../src/conformance/trial.js';
import { type Machine, STATE_END } from '../../src/shaping/maybenot/machine.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import type { Trace } from '../../src/trace/trace.js';
import { encodeMachine } from '../support/encode-machine.js';
import {
  anyMachine,
  block,
  cancel,
  count,
  fixed,
  machine,
  pad,
  setTimer,
  state,
  UNLIMITED,
} from '../support/machines.js';
import { makeTrace, type Packet } from '../support/traces.js';

interface Given {
  home?: Machine[];
  far?: Machine[];
  parameters?: Record<string, unknown>;
}

/** Without a limit of the framework, unless one is given. */
function defend(trace: Trace, { home = [], far = [], parameters: given = {} }: Given, seed = 1) {
  const parameters = maybenot.parameters.parse({ maxPaddingFraction: 0, ...given });
  return shapeAll(trace, [{ defense: maybenot, parameters, knowledge: [far, home] }], { rng: createRng(seed) });
}

/** "4s 6r" are packets sent by the home after 4 us, and received after 6; the result has a p behind padding. */
function onTheWire(given: Given, packets: string): string {
  const trace = makeTrace(
    packets.split(' ').map((text) => ({ time: Number.parseFloat(text) / 1e6, length: 100, out: text.endsWith('s') })),
  );
  const { time, direction, cover } = defend(trace, given).trace;
  const frames = [...time].map(
    (at, i) => `${Math.round(at * 1e7) / 10}${direction[i] === 1 ? 's' : 'r'}${cover[i] === 1 ? 'p' : ''}`,
  );
  return frames.join(' ');
}

/** The scenarios of maybenot-simulator 2 (tests/simulator.rs), without its network delay; what a client sees. */
describe('a machine at home, as in the simulator of Maybenot', () => {
  const start = state({ NormalSent: 1 });

  test('no machine: nothing changes', () => {
    expect(onTheWire({}, '0s 18s 25r 25r 30s 35r')).toBe('0s 18s 25r 25r 30s 35r');
  });

  test('padding every 8 us', () => {
    const home = [machine([start, state({ PaddingSent: 1 }, pad(8))])];
    expect(onTheWire({ home }, '0s 18s 25r 25r 30s 35r')).toBe('0s 8sp 16sp 18s 24sp 25r 25r 30s 32sp 35r');
  });

  test('blocking for 5 us, every 10', () => {
    const home = [machine([start, state({ BlockingEnd: 1 }, block(5, 5))])];
    expect(onTheWire({ home }, '0s 18s 25r 25r 30s 35r')).toBe('0s 20s 25r 25r 30s 35r');
  });

  describe('blocking from 5 to 15 us, and three padding frames', () => {
    const home = (blockBypass: boolean, padBypass: boolean) => [
      machine([
        start,
        state({ BlockingBegin: 2 }, block(5, 10, { bypass: blockBypass })),
        state({ PaddingSent: 2 }, pad(1, { bypass: padBypass, limit: 3 })),
      ]),
    ];
    test('that bypass it', () => {
      expect(onTheWire({ home: home(true, true) }, '0s 6.5r 14s')).toBe('0s 6sp 6.5r 7sp 8sp 15s');
    });
    test.each([
      [false, false],
      [false, true],
      [true, false],
    ])('that do not: bypass %s of the blocking, %s of the padding', (blockBypass, padBypass) => {
      expect(onTheWire({ home: home(blockBypass, padBypass) }, '0s 6r 14s')).toBe('0s 6r 15sp 15sp 15sp 15s');
    });
  });

  describe('constant rate: blocking for a millisecond, padding every 2 us', () => {
    const home = (bypass: boolean, replace: boolean, limit = 3) => [
      machine([
        start,
        state({ BlockingBegin: 2 }, block(1, 1000, { bypass })),
        state({ PaddingSent: 2 }, pad(2, { bypass, replace, limit })),
      ]),
    ];
    test('without bypass all wait', () => {
      expect(onTheWire({ home: home(false, false) }, '0s 4s 6r 6r 6.5s')).toBe(
        '0s 6r 6r 1001sp 1001s 1001sp 1001s 1001sp',
      );
    });
    test('with bypass the padding goes', () => {
      expect(onTheWire({ home: home(true, false) }, '0s 4s 6r 6r 6.5s')).toBe('0s 3sp 5sp 6r 6r 7sp 1001s 1001s');
    });
    test('with bypass and replace, what waits goes in its place', () => {
      expect(onTheWire({ home: home(true, true) }, '0s 4s 6r 6r 6.5s')).toBe('0s 3sp 5s 6r 6r 7s');
      expect(onTheWire({ home: home(true, true) }, '0s 2s 2s 6r 6r 6.5s')).toBe('0s 3s 5s 6r 6r 7s');
      expect(onTheWire({ home: home(true, true) }, '0s 2s 2s 2s 2s 6r 6r')).toBe('0s 3s 5s 6r 6r 7s 1001s');
      expect(onTheWire({ home: home(true, true, 5) }, '0s 2s 2s 2s 2s 6r 6r 6.5s')).toBe('0s 3s 5s 6r 6r 7s 9s 11s');
    });
    test('with replace alone, padding gives way to what waits', () => {
      expect(onTheWire({ home: home(false, true) }, '0s 4s 6r 6r 6.5s')).toBe('0s 6r 6r 1001sp 1001s 1001s');
    });
  });

  describe('timers', () => {
    const onTimer = (second: Parameters<typeof state>[1]) => [
      machine([start, state({ TimerBegin: 2 }, setTimer(10)), state({ TimerEnd: 3 }, second), state({}, pad(1))]),
    ];
    test('padding when one ends', () => {
      expect(onTheWire({ home: onTimer(null) }, '0s 3s 7s 20r')).toBe('0s 3s 7s 11sp 20r');
    });
    test('a shorter one does not take the place of a longer', () => {
      expect(onTheWire({ home: onTimer(setTimer(2)) }, '0s 3s 7s 20r')).toBe('0s 3s 7s 11sp 20r');
    });
    test('unless it is to replace it', () => {
      expect(onTheWire({ home: onTimer(setTimer(2, { replace: true })) }, '0s 3.5s 7s 20r')).toBe('0s 3sp 3.5s 7s 20r');
    });
    test.each([
      ['internal', '0s 1s 4sp 7s 20r'],
      ['action', '0s 1s 6sp 7s 20r'],
      ['all', '0s 1s 7s 20r'],
    ] as const)('cancelled: %s', (timer, expected) => {
      // One machine has padding due at 4 and a timer at 3, and cancels; its signal of life is padding 3 us after the timer.
      const home = [
        machine([
          start,
          state({ NormalSent: 2 }, pad(4)),
          state({ TimerBegin: 3 }, setTimer(2)),
          state({ TimerEnd: 4 }, cancel(timer)),
          state({}, pad(3)),
        ]),
      ];
      expect(onTheWire({ home }, '0s 1s 7s 20r')).toBe(expected);
    });
  });

  test('a counter down to zero', () => {
    const home = [
      machine([
        start,
        state({ NormalRecv: 2 }, null, count('increment', 5)),
        state({ NormalRecv: 3 }, null, count('decrement', 2)),
        state({ NormalSent: 3, CounterZero: 4 }, null, count('decrement')),
        state({}, pad(3)),
      ]),
    ];
    expect(onTheWire({ home }, '0s 6r 6r 7s 7s 7s 20r')).toBe('0s 6r 6r 7s 7s 7s 10sp 20r');
  });

  test('blocking of no duration begins and ends, and lets go what waits', () => {
    const home = [
      machine([
        start,
        state({ BlockingBegin: 2 }, block(1, 1000)),
        state({ BlockingEnd: 3 }, block(10, 0, { replace: true })),
        state({}, pad(2)),
      ]),
    ];
    expect(onTheWire({ home }, '0s 4s 20r')).toBe('0s 11s 13sp 20r');
  });

  test('blocking is prolonged, never cut, unless it is replaced', () => {
    const home = (replace: boolean) => [
      machine([start, state({ BlockingBegin: 2 }, block(1, 50)), state({}, block(4, 10, { replace }))]),
    ];
    expect(onTheWire({ home: home(false) }, '0s 4s 90r')).toBe('0s 51s 90r');
    expect(onTheWire({ home: home(true) }, '0s 4s 90r')).toBe('0s 15s 90r');
  });

  test('padding that may bypass leaves once the blocking allows it', () => {
    const home = [
      machine([
        start,
        state({ BlockingBegin: 2 }, block(1, 50)),
        state({ PaddingSent: 3 }, pad(2, { bypass: true })),
        state({}, block(4, 50, { bypass: true })),
      ]),
    ];
    expect(onTheWire({ home }, '0s 5s 90r')).toBe('0s 7sp 57s 90r');
  });
});

/** Built as crates/maybenot-machines/src/tamaraw.rs builds it: a frame every `gap` us while there is traffic, and for `stop` us after. */
function tamaraw(gap: number, stop: number): Machine[] {
  const constant = { bypass: true, replace: true };
  return [
    machine([
      state({ NormalSent: 1 }),
      state({ BlockingBegin: 2 }, block(0, 24 * 3600e6, constant)),
      state({ BlockingEnd: 0, TunnelSent: 2 }, pad(gap, constant)),
    ]),
    machine([
      state({ BlockingBegin: 1 }),
      state({ TunnelSent: 2, NormalSent: 3, TimerEnd: 4 }, null, count('set', 100)),
      state({ CounterZero: 1, TunnelSent: 2, NormalSent: 3, TimerEnd: 4 }, null, count('decrement')),
      state({ NormalSent: 3, TimerEnd: 4 }, setTimer(stop, { replace: true })),
      state({ PaddingSent: 4, CounterZero: 5 }, pad(1, constant), count('decrement')),
      state({ BlockingEnd: 0 }, block(0, 0, constant)),
    ]),
  ].map((one) => ({ ...one, allowedPaddingPackets: UNLIMITED, allowedBlockedMicroseconds: UNLIMITED }));
}

test('Tamaraw of the published machines sends at one rate, whatever there is to send, and stops', () => {
  const rng = createRng(3);
  const times = Array.from({ length: 60 }, () => 1.7e9 + rng.uniform()).sort((a, b) => a - b);
  const trace = makeTrace([
    ...times.map((time) => ({ time, length: 100 })),
    { time: 1.7e9 + 30, length: 100, out: false },
    { time: 1.7e9 + 31, length: 100 },
    { time: 1.7e9 + 60, length: 100, out: false },
  ]);
  const { trace: seen, delivered } = defend(trace, { home: tamaraw(20_000, 2e6) });
  const sent = [...seen.time].filter((_, i) => seen.direction[i] === 1).map((time) => time - times[0]!);
  // 60 packets at 50 a second take 1.2 s from the first; the last normal packet comes within 1 s, the end 2 s after it.
  const steady = sent.filter((time) => time < times.at(-1)! - times[0]! + 2 - 0.02);
  expect(steady.length).toBeGreaterThan(100);
  for (const [i, time] of steady.entries()) expect(Math.abs(time - i * 0.02)).toBeLessThan(1e-4);
  expect(Math.max(...delivered.slice(0, 60)) - times[0]!).toBeCloseTo(59 * 0.02, 3);
  // Then a tail of at most a hundred frames, and silence until there is traffic again.
  const late = sent.filter((time) => time > 4 && time < 29);
  expect(late).toEqual([]);
  expect(delivered[61]).toBe(1.7e9 + 31);
});

describe('two ends', () => {
  const echo = machine([state({ TunnelRecv: 0 }, pad(5))]);
  const ping = machine([state({ NormalSent: 1 }), state({ PaddingRecv: STATE_END }, pad(1))]);

  test('each sees what the other sends, padding too', () => {
    expect(onTheWire({ far: [echo] }, '0s 20r 30s 50r')).toBe('0s 5rp 20r 30s 35rp 50r');
    expect(onTheWire({ home: [ping], far: [echo] }, '0s 20r')).toBe('0s 1sp 6rp 20r');
  });

  test('what is inbound waits where the far end blocks, what is outbound does not', () => {
    const far = [machine([state({ NormalRecv: 1 }), state({}, block(0, 100))])];
    expect(onTheWire({ far }, '0s 5r 7r 8s 200s')).toBe('0s 8s 100r 100r 200s');
  });

  test('the machines of an end block for all of it, and pad each on its own account', () => {
    const blocker = machine([state({ NormalSent: 1 }), state({}, block(0, 20))]);
    const padder = machine([state({ BlockingBegin: 1 }), state({}, pad(3))]);
    expect(onTheWire({ home: [blocker, padder] }, '0s 5s 50r')).toBe('0s 20sp 20s 50r');
  });
});

const every = (seconds: number, packets: number, more: (i: number) => Partial<Packet> = () => ({})): Trace =>
  makeTrace(Array.from({ length: packets }, (_, i) => ({ time: 1.7e9 + i * seconds, length: 200, ...more(i) })));
const sumOf = (column: ArrayLike<number>): number => Array.from(column).reduce((a, b) => a + b, 0);

describe('what padding looks like', () => {
  const home = [machine([state({ NormalSent: 0 }, pad(1000))])];
  const trace = every(0.1, 400, (i) => ({ length: 100 + (i % 7), flow: i % 3, device: i % 2, out: i % 4 !== 3 }));

  test('a packet of the same direction that has passed, in every column', () => {
    const { trace: seen } = defend(trace, { home });
    const shape = (t: Trace, i: number) => [t.length[i], t.direction[i], t.port[i], t.flow[i], t.device[i]].join();
    const real = new Set<string>();
    let cover = 0;
    for (let i = 0; i < seen.packets; i++) {
      if (seen.cover[i] === 0) real.add(shape(seen, i));
      else {
        expect(real).toContain(shape(seen, i));
        cover++;
      }
    }
    expect(cover).toBe(300);
    expect(new Set([...seen.length].filter((_, i) => seen.cover[i] === 1)).size).toBe(7);
  });

  test('no longer than a frame can be, though packets are', () => {
    const jumbo = every(0.1, 50, (i) => ({ length: i % 2 === 0 ? 9014 : 1400 }));
    const { trace: seen } = defend(jumbo, { home });
    const lengths = [...seen.length].filter((_, i) => seen.cover[i] === 1);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1514);
    expect(lengths.filter((length) => length === 1400).length).toBeGreaterThan(40);
  });

  test('with a size, all frames have it, but for those that are longer', () => {
    const { trace: seen } = defend(
      every(0.1, 50, (i) => ({ length: i === 20 ? 1400 : 90 })),
      {
        home,
        parameters: { size: 1000 },
      },
    );
    expect([...seen.length].filter((length) => length !== 1000)).toEqual([1400]);
    expect(sumOf(seen.cover)).toBe(49);
  });
});

describe('limits', () => {
  test('of the framework: padding is at most a share of what an end sends, beyond what its machines are allowed', () => {
    const wild = machine([state({ NormalSent: 0, PaddingSent: 0 }, pad(1000))], { padding: 10 });
    for (const [maxPaddingFraction, most] of [
      [0.5, 300],
      [0.25, 100],
    ] as const) {
      const { trace } = defend(every(0.1, 300), { home: [wild], parameters: { maxPaddingFraction } });
      const cover = sumOf(trace.cover);
      expect(cover).toBeGreaterThanOrEqual(most - 2);
      expect(cover).toBeLessThanOrEqual(most + 10);
    }
  });

  test('of the framework: blocking is at most a share of the time', () => {
    const wild = machine([state({ NormalSent: 0, BlockingEnd: 0 }, block(0, 50_000))]);
    const delays = (maxBlockingFraction: number): number => {
      const { delivered, original } = defend(every(0.01, 3000), { home: [wild], parameters: { maxBlockingFraction } });
      return sumOf(delivered.map((at, i) => (at > original.time[i]! ? 1 : 0))) / original.packets;
    };
    expect(delays(0)).toBeGreaterThan(0.95);
    expect(Math.abs(delays(0.2) - 0.2)).toBeLessThan(0.05);
  });

  test('a machine that pads without end at one moment is slowed to the rate', () => {
    const wild = machine([state({ NormalSent: 0, PaddingSent: 0 }, pad(0))]);
    const { trace } = defend(every(1, 11), { home: [wild], far: [wild], parameters: { rate: 100 } });
    // A burst of a second's worth, then 100 a second for 10 s; the machine of the far end is never told of a packet.
    expect(sumOf(trace.cover)).toBe(101 + 1000);
    expect(trace.direction.every((way) => way === 1)).toBe(true);
  });

  test('two machines that set their timers without end are slowed too', () => {
    const wild = machine([state({ NormalSent: 0, TimerEnd: 0 }, setTimer(0, { replace: true }))]);
    const { trace } = defend(every(1, 11), { home: [wild, wild], parameters: { rate: 100 } });
    expect(trace.packets).toBe(11);
  });

  test('a machine that sets its timer because it set its timer comes to rest', () => {
    const wild = machine([
      state({ NormalSent: 0, TimerBegin: 0, TimerEnd: 1 }, setTimer(10, { replace: true })),
      state({}, pad(5)),
    ]);
    const { trace } = defend(every(1, 2), { home: [wild], parameters: { rate: 100 } });
    expect(sumOf(trace.cover)).toBe(1);
  });

  test('padding held back by blocking does not pile up without end', () => {
    const home = [
      machine([
        state({ NormalSent: 1 }),
        state({ BlockingBegin: 2 }, block(0, 9e6)),
        state({ PaddingSent: 2 }, pad(1000)),
      ]),
    ];
    const { trace } = defend(every(5, 3), { home });
    expect([...trace.time].filter((at) => at === 1.7e9 + 9).length).toBe(1001);
  });
});

describe('the end of the traffic', () => {
  const home = [machine([state({ NormalSent: 1 }), state({ BlockingEnd: 1 }, block(0, 2e6))])];

  test('machines run on while packets wait, then no more', () => {
    const padding = machine([state({ NormalSent: 0, PaddingSent: 0 }, pad(500_000))]);
    const { trace } = defend(every(1.5, 3), { home: [...home, padding] });
    expect([...trace.time].map((at) => at - 1.7e9).slice(-1)).toEqual([4]);
    expect(Math.max(...defend(every(1.5, 3), { home: [padding] }).trace.time) - 1.7e9).toBe(3);
  });

  test('what still waits after drain leaves at once', () => {
    const day = [machine([state({ NormalSent: 1 }), state({}, block(0, 1e12))])];
    for (const drain of [0, 3, 10]) {
      const { delivered } = defend(every(1, 4), { home: day, parameters: { drain } });
      expect([...delivered].map((at) => at - 1.7e9)).toEqual([0, 3 + drain, 3 + drain, 3 + drain]);
    }
  });
});

test('each device has machines of its own, or the home has them once', () => {
  const home = [
    machine([state({ NormalSent: STATE_END }, null)]),
    machine([state({ NormalSent: 1 }), state({}, pad(1))]),
  ];
  const trace = every(1, 10, (i) => ({ device: i % 2, flow: i % 2 }));
  expect(sumOf(defend(trace, { home, parameters: { per: 'home' } }).trace.cover)).toBe(1);
  const { trace: seen } = defend(trace, { home, parameters: { per: 'device' } });
  expect([...seen.device].filter((_, i) => seen.cover[i] === 1)).toEqual([0, 1]);
});

/** Two machines at home and one at the far end, under all parameters. */
const anySetting: fc.Arbitrary<Given> = fc.record({
  home: fc.array(anyMachine, { minLength: 2, maxLength: 2 }),
  far: fc.array(anyMachine, { minLength: 1, maxLength: 1 }),
  parameters: fc.record({
    per: fc.constantFrom('home', 'device'),
    maxPaddingFraction: fc.constantFrom(0, 0.5),
    maxBlockingFraction: fc.constantFrom(0, 0.5),
    size: fc.constantFrom(0, 1514),
    rate: fc.constantFrom(1, 20),
    drain: fc.constantFrom(0, 1),
  }),
});

test('2,100 random machines, three at a time, come to an end, lose nothing and keep the order', () => {
  let frames = 0;
  let late = 0;
  fc.assert(
    fc.property(
      anySetting,
      fc.array(fc.integer({ min: 0, max: 800 }), { minLength: 20, maxLength: 20 }),
      (given, gaps) => {
        let time = 1.7e9;
        const trace = makeTrace(
          gaps.map((gap, i) => {
            time += gap < 400 ? 0 : gap / 4000;
            return { time, length: 60 + i, out: gap % 3 > 0, flow: gap % 4, device: gap % 2 };
          }),
        );
        const defended = defend(trace, given);
        frames += defended.trace.packets;
        late += [...defended.delivered].some((at, i) => at > trace.time[i]!) ? 1 : 0;
        const claims = { separableCover: false, exceedsMtu: false, isTunnel: false };
        for (const { check } of trialChecks) check({ before: trace, after: trace, defended, again: defended, claims });
      },
    ),
    { numRuns: 700 },
  );
  // They do act: 14,000 of the frames are packets.
  expect(frames).toBeGreaterThan(15_000);
  expect(late).toBeGreaterThan(60);
});

describe('parameters', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'homeveil-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, ...lines: string[]): string => {
    const path = join(folder, name);
    writeFileSync(path, lines.join('\n'));
    return path;
  };
  const prepared = (given: Record<string, unknown>) => {
    const parameters = resolveParameters(maybenot.parameters, given, 'defense maybenot');
    return maybenot.prepare!(parameters, { trace: null, rng: createRng(1) }) as [Machine[], Machine[]];
  };
  const sizes = (given: Record<string, unknown>) => prepared(given).map((machines) => machines.length);
  const one = machine([state({}, pad(fixed(5)))]);

  test('machines come from files, the built-in pair or nowhere', () => {
    const path = file('home.txt', '# one', encodeMachine(one), encodeMachine(one));
    expect(sizes({})).toEqual([1, 1]);
    expect(sizes({ machines: 'none' })).toEqual([0, 0]);
    expect(sizes({ server: 'none' })).toEqual([0, 1]);
    expect(sizes({ machines: path })).toEqual([0, 2]);
    expect(sizes({ machines: 'none', server: path })).toEqual([2, 0]);
    expect(sizes({ server: path })).toEqual([2, 1]);
    expect(prepared({ machines: path })[1]).toEqual([one, one]);
  });

  test('a wrong file is refused with its line', () => {
    const path = file('bad.txt', encodeMachine(one), 'nonsense');
    expect(() => prepared({ machines: path })).toThrow(`${path}:2: expected a machine of version "02", found "no"`);
    expect(() => prepared({ machines: 'none', server: join(folder, 'absent') })).toThrow(/absent: cannot be read/);
  });

  test('a size that no frame has is refused', () => {
    const message = 'defense maybenot: size: expected 0 or at least 64, found 63';
    expect(() => prepared({ size: 63 })).toThrow(message);
    expect(sizes({ size: 64 })).toEqual([1, 1]);
  });

  test('the built-in pair pads in both directions, about a packet for each packet, and blocks nothing', () => {
    const trace = every(0.2, 1500, (i) => ({ out: i % 3 !== 0 }));
    const parameters = resolveParameters(maybenot.parameters, {}, 'defense maybenot');
    const applied = { defense: maybenot, parameters, knowledge: prepared({}) };
    const { trace: seen, delivered } = shapeAll(trace, [applied], { rng: createRng(1) });
    expect([...delivered]).toEqual([...trace.time]);
    const cover = [0, 1].map((way) => [...seen.cover].filter((is, i) => is === 1 && seen.direction[i] === way).length);
    // 500 packets inbound, 1000 outbound; the allowances are 22 and 47.
    expect(cover[0]).toBeGreaterThan(400);
    expect(cover[0]).toBeLessThanOrEqual(500 + 23);
    expect(cover[1]).toBeGreaterThan(800);
    expect(cover[1]).toBeLessThanOrEqual(1000 + 48);
  });
});
