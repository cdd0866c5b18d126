import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Defense, type Link, type PacketRef, type Shaper, TooManyFrames } from '../../src/shaping/shaper.js';
import { shape, shapeAll } from '../../src/shaping/simulate.js';
import { createRng } from '../../src/shared/rng.js';
import { findGaps } from '../../src/trace/clock.js';
import { Cover, NO_DEVICE, Protocol, type Trace } from '../../src/trace/trace.js';
import { brokenShapers } from '../support/broken-shapers.js';
import { probe as defense } from '../support/probe.js';
import { anyTrace, carriedBy, makeTrace } from '../support/traces.js';

const rng = createRng(1);

const run = (trace: Trace, probe: Defense) => shape(trace, probe, {}, { rng });
const forward = (p: PacketRef, link: Link) => link.send(p, p.length);
const five = makeTrace([0, 1, 2, 3, 4].map((time) => ({ time, length: 100 + time })));

describe('the clock', () => {
  test('fires timers between arrivals, and a timer due at an arrival before it', () => {
    const events: string[] = [];
    run(
      makeTrace([
        { time: 0, length: 60 },
        { time: 1, length: 60 },
        { time: 3, length: 60 },
      ]),
      defense(() => ({
        packet(p, link) {
          events.push(`packet ${link.now}`);
          forward(p, link);
          link.wakeAt(link.now + 1);
        },
        wake: (link) => events.push(`wake ${link.now}`),
        close: (link) => events.push(`close ${link.now}`),
      })),
    );
    expect(events).toEqual(['packet 0', 'wake 1', 'packet 1', 'wake 2', 'packet 3', 'close 3', 'wake 4']);
  });

  test('takes a timer in the past for one of now, replaces timers, and clears one at Infinity', () => {
    const woken: number[] = [];
    run(
      five,
      defense(() => ({
        packet(p, link) {
          forward(p, link);
          link.wakeAt(link.now - 5);
          if (p.id === 1) link.wakeAt(1.5);
          if (p.id === 2) link.wakeAt(Number.POSITIVE_INFINITY);
        },
        wake: (link) => woken.push(link.now),
      })),
    );
    expect(woken).toEqual([0, 1.5, 3, 4]);
  });

  test('lets close send what is held, and set timers that still fire', () => {
    const { trace } = run(
      five,
      defense(() => {
        const held: PacketRef[] = [];
        return {
          packet: (p) => void held.push(p),
          wake: (link) => forward(held.pop()!, link),
          close(link) {
            for (const p of held.splice(0, 4)) forward(p, link);
            link.wakeAt(10);
          },
        };
      }),
    );
    expect([...trace.time]).toEqual([4, 4, 4, 4, 10]);
  });
});

describe('scopes', () => {
  const trace = makeTrace([
    { time: 0, length: 60, flow: 0, device: 0 },
    { time: 1, length: 60, flow: 1, device: 1 },
    { time: 2, length: 60, flow: 2, device: 0 },
    { time: 3, length: 60, flow: 0, device: 0 },
  ]);

  test.each([
    ['home', 1],
    ['device', 2],
    ['flow', 3],
  ] as const)('%s: %i shapers', (scope, expected) => {
    let created = 0;
    run(
      trace,
      defense(() => ({ packet: forward, close: () => void created++ }), { scope }),
    );
    expect(created).toBe(expected);
  });

  test('gives each shaper chance of its own, whatever the others draw', () => {
    const draws = (greedy: boolean) => {
      const drawn: number[] = [];
      const probe = defense(
        () => ({
          packet(p, link) {
            forward(p, link);
            if (p.device === 1) drawn.push(link.rng.uniform());
            else if (greedy) link.rng.uniform();
          },
        }),
        { scope: 'device' },
      );
      run(trace, probe);
      return drawn;
    };
    expect(draws(true)).toEqual(draws(false));
  });
});

describe('what the observer sees', () => {
  test('a packet keeps its looks; parts of it account for all of its bytes', () => {
    const defended = run(
      makeTrace([{ time: 1, length: 1000, out: false, flow: 2, device: 1, file: 1 }]),
      defense(() => {
        let held: PacketRef;
        return {
          packet(p, link) {
            held = p;
            link.send(p, 600, 400);
            link.wakeAt(2.5);
          },
          wake: (link) => link.send(held, 700),
        };
      }),
    );
    const { trace } = defended;
    expect([...trace.time]).toEqual([1, 2.5]);
    expect([...trace.length]).toEqual([600, 700]);
    expect([trace.port[0], trace.flow[0], trace.device[0], trace.direction[0], trace.file[0]]).toEqual([
      1002, 2, 1, 0, 1,
    ]);
    expect([...trace.cover]).toEqual([0, 0]);
    expect(carriedBy(defended, 0)).toEqual([[0, 400]]);
    expect(carriedBy(defended, 1)).toEqual([[0, 600]]);
    expect([...defended.delivered]).toEqual([2.5]);
  });

  test('a cell of several packets belongs to the device with most, and looks like its largest part', () => {
    const defended = run(
      makeTrace([
        { time: 0, length: 100, flow: 0, device: 0 },
        { time: 1, length: 300, flow: 1, device: 1 },
        { time: 2, length: 250, flow: 2, device: 0 },
      ]),
      defense(() => {
        const held: PacketRef[] = [];
        return {
          packet(p, link) {
            held.push(p);
            if (held.length === 3)
              link.sendCell(
                held.map((packet) => ({ packet, bytes: packet.length })),
                1000,
              );
          },
        };
      }),
    );
    expect(defended.trace.packets).toBe(1);
    expect([defended.trace.device[0], defended.trace.flow[0], defended.trace.length[0]]).toEqual([0, 2, 1000]);
    expect(carriedBy(defended, 0)).toEqual([
      [0, 100],
      [1, 300],
      [2, 250],
    ]);
    expect([...defended.delivered]).toEqual([2, 2, 2]);
  });

  test.each([
    ['home', NO_DEVICE],
    ['device', 1],
  ] as const)('cover of scope %s looks like the last packet and belongs to device %i', (scope, owner) => {
    const coverAfter = defense(
      () => ({
        packet(p, link) {
          forward(p, link);
          link.cover(0, 500);
        },
      }),
      { scope },
    );
    const defended = run(makeTrace([{ time: 1, length: 90, flow: 1, device: 1, file: 1 }]), coverAfter);
    const { trace } = defended;
    expect([...trace.cover]).toEqual([0, 1]);
    expect([trace.length[1], trace.direction[1], trace.flow[1], trace.port[1], trace.file[1]]).toEqual([
      500, 0, 1, 1001, 1,
    ]);
    expect(trace.device[1]).toBe(owner);
    expect(carriedBy(defended, 1)).toEqual([]);
  });

  test('cover can look like anything it is told to', () => {
    const like = { protocols: Protocol.IP | Protocol.UDP, port: 53, flow: 3, device: 1 };
    const { trace } = run(
      makeTrace([{ time: 1, length: 90 }]),
      defense(() => ({
        packet(p, link) {
          forward(p, link);
          link.cover(1, 70, like);
        },
      })),
    );
    expect([trace.protocols[1], trace.port[1], trace.flow[1], trace.device[1]]).toEqual([5, 53, 3, 1]);
  });

  test('a tunnel shows one flow only, cover included', () => {
    const { trace } = run(
      makeTrace([
        { time: 1, length: 90, flow: 1 },
        { time: 2, length: 90, flow: 2, out: false },
      ]),
      defense(
        () => ({
          packet(p, link) {
            forward(p, link);
            link.cover(1, 70);
          },
        }),
        { tunnel: () => ({ protocols: 5, transport: 17, port: 51820, header: 14 }) },
      ),
    );
    expect(new Set(trace.flow)).toEqual(new Set([0]));
    expect(new Set(trace.port)).toEqual(new Set([51820]));
    expect(new Set(trace.protocols)).toEqual(new Set([5]));
    expect(trace.flows.count).toBe(1);
    expect([trace.flows.localPort[0], trace.flows.remotePort[0], trace.flows.wan[0]]).toEqual([51820, 51820, 1]);
  });

  test('a dropped packet is counted, a partly dropped one too, and neither is delivered', () => {
    const defended = run(
      five,
      defense(() => ({
        packet(p, link) {
          if (p.id === 1) link.send(p, 50, 50);
          if (p.id === 1 || p.id === 3) link.drop(p);
          else forward(p, link);
        },
      })),
    );
    expect(defended.dropped).toBe(2);
    expect([...defended.delivered]).toEqual([0, Number.NaN, 2, Number.NaN, 4]);
  });

  test('an empty trace comes out empty', () => {
    const defended = run(
      makeTrace([]),
      defense(() => ({ packet: forward })),
    );
    expect(defended.trace.packets).toBe(0);
    expect([...defended.account.start]).toEqual([0]);
  });
});

describe('a defense that breaks the contract is named, with what it did', () => {
  let kept: Link | undefined;
  const broken: [string, RegExp, () => Shaper][] = [
    ...brokenShapers,
    [
      'keeps a packet',
      /came to its end with 5 packets neither sent nor dropped, the first of them packet 0/,
      () => ({ packet() {} }),
    ],
    [
      'never ends',
      /woke 100000 times in a row after the input had ended/,
      () => ({
        packet(p, link) {
          forward(p, link);
          link.wakeAt(link.now + 1);
        },
        wake(link) {
          link.cover(1, 60);
          link.wakeAt(link.now + 1);
        },
      }),
    ],
    [
      'keeps its link',
      /outside packet, wake and close/,
      () => ({
        packet(p, link) {
          kept = link;
          forward(p, link);
        },
      }),
    ],
  ];

  test.each(broken)('%s', (_, message, create) => {
    const act = () => {
      run(five, defense(create));
      kept?.cover(1, 60);
    };
    expect(act).toThrow(message);
    expect(act).toThrow(
      expect.objectContaining({
        name: 'DefenseError',
        message: expect.stringMatching(/^defense probe: [^\n]* \(at [\d.]+ s\)$/),
      }),
    );
    kept = undefined;
  });

  test('a cell with both directions', () => {
    const trace = makeTrace([
      { time: 0, length: 60 },
      { time: 1, length: 60, out: false },
    ]);
    const held: PacketRef[] = [];
    const mixed = defense(() => ({
      packet(p, link) {
        held.push(p);
        if (held.length === 2)
          link.sendCell(
            held.map((packet) => ({ packet, bytes: 60 })),
            200,
          );
      },
    }));
    expect(() => run(trace, mixed)).toThrow(/both directions/);
  });

  test('a trace that is not sorted, or has a frame of no bytes, is not the fault of the defense', () => {
    const probe = defense(() => ({ packet: forward }));
    const unsorted = { ...five, time: Float64Array.of(0, 2, 1, 3, 4) };
    expect(() => run(unsorted, probe)).toThrow(expect.objectContaining({ name: 'InputError' }));
    expect(() => run(makeTrace([{ time: 0, length: 0 }]), probe)).toThrow(
      expect.objectContaining({ name: 'InputError' }),
    );
  });
});

describe('a link of limited capacity', () => {
  // 100 bytes at 8000 bit/s take 0.1 s.
  const options = { rng, capacity: 8000 };

  test('makes frames of one direction wait for each other, and stamps the end of transmission', () => {
    const trace = makeTrace([
      { time: 10, length: 100 },
      { time: 10.05, length: 200 },
      { time: 10.06, length: 50, out: false },
      { time: 11, length: 100 },
    ]);
    const defended = shapeAll(trace, [], options);
    const expected = [10.1, 10.11, 10.3, 11.1];
    for (const [frame, time] of expected.entries()) expect(defended.trace.time[frame]).toBeCloseTo(time, 9);
    expect([...defended.trace.direction]).toEqual([1, 0, 1, 1]);
    expect(carriedBy(defended, 1)).toEqual([[2, 50]]);
    expect([...defended.delivered].map((time) => Number(time.toFixed(6)))).toEqual([10.1, 10.3, 10.11, 11.1]);
  });

  test('puts the frames of both directions in order of time, equal times as they came', () => {
    fc.assert(
      fc.property(anyTrace, (trace) => {
        const { trace: sent, account } = shapeAll(trace, [], { rng, capacity: 1e6 });
        const arrived = [...account.packet];
        for (let i = 1; i < sent.packets; i++) {
          const later = sent.time[i]! - sent.time[i - 1]! || arrived[i]! - arrived[i - 1]!;
          expect(later).toBeGreaterThan(0);
        }
        expect([...sent.length]).toEqual(arrived.map((packet) => trace.length[packet]));
      }),
    );
  });

  test('makes padding cost delay', () => {
    const double = defense(() => ({ packet: (p, link) => link.send(p, 2 * p.length) }));
    const trace = makeTrace([
      { time: 0, length: 100 },
      { time: 0, length: 100 },
    ]);
    const { delivered } = shapeAll(trace, [{ defense: double, parameters: {} }], options);
    expect(delivered[0]).toBeCloseTo(0.2, 9);
    expect(delivered[1]).toBeCloseTo(0.4, 9);
  });

  test.each([0, -1, Number.NaN])('refuses a capacity of %d', (capacity) => {
    expect(() => shapeAll(five, [], { rng, capacity })).toThrow(/capacity: expected bit\/s above 0/);
  });
});

describe('several defenses in a row', () => {
  const applied = (probe: Defense) => ({ defense: probe, parameters: {} });
  const double = defense(() => ({ packet: (p, link) => link.send(p, 2 * p.length) }));
  const halve = defense(() => ({
    packet(p, link) {
      const first = Math.floor(p.length / 2);
      link.send(p, first, first);
      link.send(p, p.length - first);
    },
  }));
  const addCover = defense(() => ({
    packet(p, link) {
      forward(p, link);
      link.cover(1, 999);
    },
  }));

  test('with none, only the link is between', () => {
    const trace = makeTrace([
      { time: 0, length: 100 },
      { time: 1, length: 200, cover: 1 },
    ]);
    const defended = shapeAll(trace, [], { rng });
    expect([...defended.trace.time]).toEqual([0, 1]);
    expect([...defended.trace.cover]).toEqual([0, 1]);
    expect(defended.dropped).toBe(0);
    expect(defended.trace.cover).not.toBe(trace.cover);
  });

  test('the account leads back to the first trace: user bytes come before padding', () => {
    const defended = shapeAll(makeTrace([{ time: 0, length: 100 }]), [applied(double), applied(halve)], { rng });
    expect([...defended.trace.length]).toEqual([100, 100]);
    expect([...defended.trace.cover]).toEqual([Cover.NONE, Cover.PADDING]);
    expect(carriedBy(defended, 0)).toEqual([[0, 100]]);
    // Nothing but padding of packet 0, which was delivered before.
    expect(carriedBy(defended, 1)).toEqual([[0, 0]]);
    expect([...defended.trace.device]).toEqual([0, 0]);
  });

  test('a piece of a frame is padding of its packet through any number of stages, and a piece of cover is cover', () => {
    const trace = makeTrace([{ time: 0, length: 100, device: 1 }]);
    const stages = [applied(double), applied(addCover), applied(halve), applied(halve)];
    const { trace: seen, delivered } = shapeAll(trace, stages, { rng });
    const [real, padding, made] = [Cover.NONE, Cover.PADDING, Cover.MADE];
    expect([...seen.length]).toEqual([50, 50, 50, 50, 249, 250, 250, 250]);
    expect([...seen.cover]).toEqual([real, real, padding, padding, made, made, made, made]);
    expect([...seen.device].slice(0, 4)).toEqual([1, 1, 1, 1]);
    expect([...delivered]).toEqual([0]);
  });

  test('cover of the first stays cover after the second', () => {
    const defended = shapeAll(makeTrace([{ time: 0, length: 100 }]), [applied(addCover), applied(halve)], { rng });
    expect([...defended.trace.length]).toEqual([50, 50, 499, 500]);
    expect([...defended.trace.cover]).toEqual([0, 0, 1, 1]);
    expect([...defended.delivered]).toEqual([0]);
  });

  test('cover in the trace that entered is cover, and its loss is none', () => {
    const dropAll = defense(() => ({ packet: (p, link) => link.drop(p) }));
    const trace = makeTrace([
      { time: 0, length: 100, cover: 1 },
      { time: 1, length: 100 },
    ]);
    expect([...run(trace, double).trace.cover]).toEqual([1, 0]);
    expect(run(trace, dropAll).dropped).toBe(1);
  });

  test('a packet is lost when the second drops a frame with a part of it', () => {
    const dropSecond = defense(() => ({ packet: (p, link) => (p.id === 1 ? link.drop(p) : forward(p, link)) }));
    const defended = shapeAll(
      makeTrace([
        { time: 0, length: 100 },
        { time: 1, length: 80 },
      ]),
      [applied(halve), applied(dropSecond)],
      { rng },
    );
    expect(defended.dropped).toBe(1);
    expect([...defended.delivered]).toEqual([Number.NaN, 1]);
  });

  test('a part of a cell belongs to the device whose bytes it brings', () => {
    const pair = defense(() => {
      const held: PacketRef[] = [];
      return {
        packet(p, link) {
          held.push(p);
          if (held.length === 2)
            link.sendCell(
              held.map((packet) => ({ packet, bytes: packet.length })),
              400,
            );
        },
      };
    });
    const trace = makeTrace([
      { time: 0, length: 200, device: 0 },
      { time: 1, length: 200, device: 1 },
    ]);
    const defended = shapeAll(trace, [applied(pair), applied(halve)], { rng });
    expect([...defended.trace.device]).toEqual([0, 1]);
    expect(carriedBy(defended, 1)).toEqual([[1, 200]]);
  });

  test('a cell of real and cover frames belongs to the device whose user bytes it carries', () => {
    const gather = defense(() => {
      const held: PacketRef[] = [];
      return {
        packet(p, link) {
          held.push(p);
          if (held.length === 2)
            link.sendCell(
              held.map((packet) => ({ packet, bytes: packet.length })),
              1200,
            );
        },
      };
    });
    const trace = makeTrace([
      { time: 0, length: 900, device: 0, cover: 1 },
      { time: 1, length: 100, device: 1 },
    ]);
    const defended = shapeAll(trace, [applied(gather)], { rng });
    expect([defended.trace.device[0], defended.trace.cover[0]]).toEqual([1, 0]);
  });

  test('the last byte of a frame brings all that an encapsulation had taken off', () => {
    const shrink = defense(() => ({ packet: (p, link) => link.send(p, 60) }));
    const defended = shapeAll(makeTrace([{ time: 0, length: 100 }]), [applied(shrink), applied(halve)], { rng });
    expect(carriedBy(defended, 0)).toEqual([[0, 30]]);
    expect(carriedBy(defended, 1)).toEqual([[0, 70]]);
  });
});

describe('a defense that sends more frames than there may be', () => {
  // 100 cover frames a second, for 1000 s.
  const clock = defense(() => {
    let runs = false;
    return {
      packet(p, link) {
        link.send(p, p.length);
        if (!runs) link.wakeAt(link.now + 0.01);
        runs = true;
      },
      wake(link) {
        link.cover(1, 1000);
        link.wakeAt(link.now + 0.01);
      },
      close: (link) => link.wakeAt(Number.POSITIVE_INFINITY),
    };
  });
  const trace = makeTrace(Array.from({ length: 101 }, (_, i) => ({ time: 10 * i, length: 100 })));
  const refusal = (given: Trace, maximumFrames: number) => {
    try {
      shapeAll(given, [{ defense: clock, parameters: {} }], { rng, maximumFrames });
    } catch (error) {
      return error as TooManyFrames;
    }
    throw new Error('expected a refusal');
  };

  test('is stopped, and what all would have come to is told', () => {
    const error = refusal(trace, 10_000);
    expect(error).toBeInstanceOf(TooManyFrames);
    expect(error.message).toMatch(
      /^defense probe: sent more than 10000 frames in 10 % of the time: it would come to about 100,\d{3} frames, (99\.\d|100) MB, and 10,000 are the most/,
    );
    expect(error.expected.frames / 100_101).toBeCloseTo(1, 2);
    expect(error.expected.bytes / (100_000 * 1000 + 101 * 100)).toBeCloseTo(1, 2);
  });

  test('has a gap left out of that', () => {
    const later = makeTrace(
      Array.from({ length: 101 }, (_, i) => ({ time: 10 * i + (i < 51 ? 0 : 1e9), length: 100 })),
    );
    const { expected } = refusal({ ...later, gaps: findGaps(later.time) }, 10_000);
    expect(expected.frames / 99_000).toBeCloseTo(1, 1);
  });
});
