import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import randomForest from '../../attacks/random-forest.js';
import { truthOf } from '../../src/harness/observer/evaluate.js';
import { predictTrace } from '../../src/harness/observer/predict.js';
import { builtIns, defenseOf, prepareAll, resolveAttack, resolveDefense } from '../../src/harness/plugins/registry.js';
import { generateHome } from '../../src/home/home.js';
import { buildWindows } from '../../src/learning/build-windows.js';
import { splitByTime } from '../../src/learning/split.js';
import { NO_CLASS } from '../../src/learning/windows.js';
import { addedDelays, costOf } from '../../src/shaping/cost.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { createRng } from '../../src/shared/rng.js';
import { Cover, filterPackets, Protocol, type Trace } from '../../src/trace/trace.js';
import { anyTrace, carriedBy, makeTrace, type Packet } from '../support/traces.js';

/** `text` is one defense or several in a row, as on the command line. */
async function subject(text: string) {
  const defense = resolveDefense(text);
  const applied = await prepareAll(defense, { trace: null, rng: createRng(1) }, builtIns);
  return (packets: Trace | Packet[], capacity: number | null = null) =>
    shapeAll(Array.isArray(packets) ? makeTrace(packets) : packets, applied, { rng: createRng(1), capacity });
}

const rounded = (times: Float64Array) => [...times].map((time) => Number(time.toFixed(6)));

describe('constant', () => {
  // A cell of 256 bytes is a frame of 14 + 52 + 256 = 322 bytes: 32.2 kB/s are 100 cells/s, of 252 bytes of packets each.
  const fine = 'vpn-shaping:tunnel=openvpn,cell=256,up=32.2,down=16.1';

  test('cell k of a direction leaves k / rate after the first packet, up and down each at its rate', async () => {
    const { trace } = (await subject(fine))([
      { time: 10, length: 60 },
      { time: 10.0399, length: 60 },
    ]);
    const times = (way: number) => rounded(trace.time.filter((_, i) => trace.direction[i] === way));
    expect(times(1)).toEqual([10, 10.01, 10.02, 10.03, 10.04]);
    expect(times(0)).toEqual([10, 10.02, 10.04]);
    expect(new Set(trace.length)).toEqual(new Set([322]));
  });

  test('by default fills what the tunnel takes', async () => {
    const packets = [{ time: 0, length: 60 }];
    expect([...(await subject('vpn-shaping'))(packets).trace.length]).toEqual([1494, 1494]);
    expect([...(await subject('vpn-shaping:tunnel=openvpn'))(packets).trace.length]).toEqual([1506, 1506]);
  });

  test('does not drift: a day later the cells still stand where they should', async () => {
    const start = 1.7e9;
    const { trace } = (await subject('vpn-shaping:up=4,down=4'))([
      { time: start, length: 60 },
      { time: start + 86_400, length: 60 },
    ]);
    const sent = trace.time.filter((_, i) => trace.direction[i] === 1);
    expect(sent.length).toBe(Math.ceil((86_400 * 4000) / 1494) + 1);
    for (const k of [1, 1000, sent.length - 1]) expect(sent[k]).toBe(start + k / (4000 / 1494));
  });

  test('an observer sees the same whatever the home does, until the last packet has come', async () => {
    const shaped = await subject(fine);
    const between = anyTrace.map(({ packets, length, direction, protocols, flow, device }) => {
      const at = (i: number) => 1.7e9 + (30 * (i + 1)) / (packets + 1);
      const rows = Array.from({ length: packets }, (_, i) => ({
        time: at(i),
        length: length[i]!,
        out: direction[i] === 1,
        flow: flow[i]!,
        device: device[i]!,
        protocols: protocols[i]!,
      }));
      return makeTrace([{ time: 1.7e9, length: 60 }, ...rows, { time: 1.7e9 + 30, length: 60, out: false }]);
    });
    const wire = ({ trace }: ReturnType<typeof shaped>) => {
      const seen = trace.time.findIndex((time) => time > 1.7e9 + 30);
      const end = seen < 0 ? trace.packets : seen;
      const columns = ['time', 'length', 'direction', 'protocols', 'port', 'flow'] as const;
      return columns.map((name) => Array.from(trace[name].subarray(0, end)));
    };
    fc.assert(
      fc.property(between, between, (one, other) => {
        expect(wire(shaped(one))).toEqual(wire(shaped(other)));
      }),
      { numRuns: 20 },
    );
  });

  test('40 kB/s are 104 GB in 30 days', async () => {
    const shaped = await subject('vpn-shaping');
    const defended = shaped([
      { time: 0, length: 60 },
      { time: 3600, length: 60 },
    ]);
    const { megabytesPerDay } = costOf(defended, defended.original);
    expect((megabytesPerDay! * 30) / 1000).toBeCloseTo(103.7, 1);
  });

  test('after another defense, delay counts from where packets entered that one', async () => {
    const shaped = await subject(`jitter:distribution=batch,quantum=1+${fine}`);
    const defended = shaped([
      { time: 0.2, length: 60 },
      { time: 0.3, length: 60 },
      { time: 1.4, length: 14 + 300, out: false, device: 1 },
    ]);
    // All leave the first defense at 1 and 2. The first packet starts the cells; a cell due when a packet comes leaves before it.
    expect(rounded(defended.delivered)).toEqual([1, 1.01, 2.04]);
    expect(rounded(addedDelays(defended))).toEqual([0.8, 0.71, 0.64]);
    const last = [2.02, 2.04].map((time) =>
      defended.trace.time.findIndex((at, i) => Math.abs(at - time) < 1e-6 && defended.trace.direction[i] === 0),
    );
    expect(last.map((frame) => carriedBy(defended, frame))).toEqual([[[2, 14 + 252]], [[2, 48]]]);
    expect(last.map((frame) => defended.trace.device[frame])).toEqual([1, 1]);
  });

  test('cells that carry nothing but padding of another defense carry no user data, and are no cover of their own', async () => {
    const shaped = await subject(`pad:rule=mtu,size=1274+${fine}`);
    const defended = shaped([{ time: 0, length: 100 }]);
    // 1274 - 14 = 1260 bytes fill five cells, and the first has all there is of the packet.
    const out = [...defended.trace.cover].filter((_, i) => defended.trace.direction[i] === 1);
    expect(out).toEqual([Cover.NONE, ...new Array(4).fill(Cover.PADDING)]);
    expect([...defended.delivered]).toEqual([0]);
  });

  test('cells queue on a slow link, and what they carry waits for those before', async () => {
    const shaped = await subject('vpn-shaping:up=10,down=4');
    // The link takes 0.1992 s for a frame of 1494 bytes; one is put on it every 0.1494 s.
    const defended = shaped(
      [
        { time: 0, length: 60 },
        { time: 3, length: 60 },
      ],
      60_000,
    );
    expect(defended.delivered[0]).toBeCloseTo(0.1992, 9);
    // In cell 21, at 3.1374 s: the last byte of the 22nd frame.
    expect(defended.delivered[1]).toBeCloseTo(22 * 0.1992, 9);
    expect(shaped(defended.original).delivered[1]).toBeCloseTo(21 * 0.1494, 9);
  });

  test('frames without IP are lost, all else is delivered where the queue has no limit', async () => {
    const shaped = await subject(fine);
    fc.assert(
      fc.property(anyTrace, (trace) => {
        const arp = trace.protocols.map((bits, i) => (i % 5 === 0 ? Protocol.OTHER : bits));
        expect(shaped({ ...trace, protocols: arp }).dropped).toBe(Math.ceil(trace.packets / 5));
      }),
      { numRuns: 20 },
    );
  });
});

describe('a forest on a home that it tells apart without', () => {
  const attack = 'random-forest:trees=5';
  /** The best constant answer for each direction, since that is what a cell shows. */
  const majorityOf = ({ direction }: Trace, truth: Uint16Array) => {
    const counts = [new Map<number, number>(), new Map<number, number>()];
    for (const [i, device] of truth.entries()) {
      const count = counts[direction[i]!]!;
      if (device !== NO_CLASS) count.set(device, (count.get(device) ?? 0) + 1);
    }
    const best = counts.reduce((sum, count) => sum + Math.max(...count.values()), 0);
    return best / truth.filter((device) => device !== NO_CLASS).length;
  };

  test('names the commonest device of each direction, and no more', async () => {
    const home = generateHome({ hours: 1, seed: 1 });
    const { wan } = home.flows;
    const { train, test } = splitByTime(
      filterPackets(home, (row) => wan[home.flow[row]!] === 1),
      0.6,
    );
    const classes = home.devices.map(({ name }) => name);
    const windowing = { size: 100, mix: 'home', port: 'service' } as const;
    const accuracy = async (shaped: (trace: Trace) => { trace: Trace }) => {
      const { windows } = buildWindows(shaped(train).trace, { ...windowing, stride: 25, classes });
      const { parameters } = resolveAttack(attack);
      const context = { parameters: parameters as never, rng: createRng(1), threads: 1 };
      const identifier = await randomForest.fit(windows, windows, context);
      const seen = shaped(test).trace;
      const { predicted } = await predictTrace({ identifier, classes, windowing }, seen);
      const truth = truthOf(seen, classes);
      const right = truth.filter((device, i) => device !== NO_CLASS && device === predicted[i]).length;
      const scored = truth.filter((device) => device !== NO_CLASS).length;
      return { accuracy: right / scored, majority: majorityOf(seen, truth) };
    };
    const none = await accuracy(await subject('none'));
    const shaped = await accuracy(await subject('vpn-shaping'));
    expect(none.accuracy).toBeGreaterThan(none.majority + 0.2);
    expect(shaped.accuracy).toBeLessThan(shaped.majority + 0.02);
    expect(shaped.accuracy).toBeGreaterThan(shaped.majority - 0.02);
  });
});

describe('stepped', () => {
  // 161 kB/s are 500 cells/s, and a fifth and a fifth of that 100 and 20; an epoch of 1 s at 20 takes 20 * 252 bytes.
  const stepped = 'vpn-shaping:mode=stepped,tunnel=openvpn,cell=256,up=161,down=161,steps=3,factor=5,hold=1';

  /** Cells to the Internet in each epoch. */
  const counts = ({ trace: { time, direction } }: { trace: Trace }, start: number) => {
    const epochs: number[] = [];
    for (const [i, at] of time.entries()) {
      const epoch = Math.floor(at - start + 1e-6);
      if (direction[i] === 1) epochs[epoch] = (epochs[epoch] ?? 0) + 1;
    }
    return epochs;
  };

  test('takes the lowest rate that would take out what waits and as much again as came', async () => {
    const shaped = await subject(stepped);
    const burst = Array.from({ length: 30 }, () => ({ time: 0.5, length: 14 + 1000 }));
    const defended = shaped([{ time: 0, length: 60 }, ...burst, { time: 3.99, length: 60, out: false }]);
    // At 1 s nine cells of the burst have left, so 57,732 bytes are wanted, more than 100 * 252.
    expect(counts(defended, 0)).toEqual([20, 500, 20, 20, 1]);
    // 2000 bytes are 7.9 cells, the first of them at 0.55 s, as the one at 0.5 s left before the burst; 30,000 are 119.05 cells.
    expect(defended.delivered[2]).toBeCloseTo(0.9, 9);
    expect(defended.delivered[30]).toBeCloseTo(1 + 110 / 500, 9);
  });

  test('goes by the middle rate where that is enough, and by the highest where none is', async () => {
    const shaped = await subject(stepped);
    const after = async (bytes: number) =>
      counts(
        shaped([
          { time: 0, length: 60 },
          { time: 0.99, length: 14 + bytes },
          { time: 2.5, length: 60 },
        ]),
        0,
      )[1];
    // Packets of the epoch before still wait, so twice as much is wanted.
    expect(await Promise.all([2520, 2521, 12_600, 12_601, 60_000].map(after))).toEqual([20, 100, 100, 500, 500]);
  });

  test('each epoch has one of the rates, whatever comes', async () => {
    const shaped = await subject(stepped);
    fc.assert(
      fc.property(anyTrace, (trace) => {
        fc.pre(trace.packets > 0);
        const defended = shaped(trace);
        const epochs = counts(defended, trace.time[0]!);
        for (const count of epochs.slice(0, -1)) expect([20, 100, 500]).toContain(count);
      }),
      { numRuns: 20 },
    );
  });
});

test.each([
  ['cell=255', 'defense vpn-shaping: cell: expected 0 or at least 256, found 255'],
  ['mode=stepped,steps=9', 'defense vpn-shaping: steps: expected a lowest rate of at least 0.02 kB/s, found 0.00015'],
  ['up=3', 'defense vpn-shaping: up: '],
])('refuses %s', (given, message) => {
  expect(() => resolveDefense(`vpn-shaping:${given}`)).toThrow(message);
});

test('is itself the tunnel, and refuses another', () => {
  expect(() => resolveDefense('vpn+vpn-shaping')).toThrow('vpn and vpn-shaping are both tunnels');
  const { parts } = resolveDefense('vpn-shaping:tunnel=openvpn');
  expect(defenseOf(parts[0]!, builtIns).tunnel!(parts[0]!.parameters)).toMatchObject({ port: 1194, transport: 17 });
});
