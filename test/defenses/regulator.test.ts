import { describe, expect, test } from 'vitest';
import regulator from '../../defenses/regulator.js';
import { defend, timesOf } from '../support/defended-wire.js';
import { carriedBy, type Packet } from '../support/traces.js';

const burst = (time: number, count: number, out: boolean): Packet[] =>
  Array.from({ length: count }, () => ({ time, length: 100, out }));

const gaps = (times: number[]) => times.slice(1).map((time, i) => time - times[i]!);

describe('to the home', () => {
  test('the rate decays as R D^t from the start of a surge, to 1 a second', () => {
    // 277 (0.5^j - 0.5^(j + 1)) / ln 2 frames in second j, by integration; 1 a second from ln 277 / ln 2 = 8.11 s on.
    const { trace } = defend(regulator, { decay: 0.5, threshold: 1000 }, burst(100, 405, false));
    const times = timesOf(trace, false).slice(0, 405);
    for (let second = 0; second < 8; second++) {
      const expected = (277 * (0.5 ** second - 0.5 ** (second + 1))) / Math.LN2;
      const counted = times.filter((time) => Math.floor(time - 100) === second).length;
      expect(Math.abs(counted - expected)).toBeLessThan(1);
    }
    const late = gaps(times.filter((time) => time > 100 + 8.2));
    expect(late.length).toBeGreaterThan(2);
    for (const gap of late) expect(gap).toBeCloseTo(1, 6);
  });

  test('with D = 1 the rate does not decay', () => {
    const { trace } = defend(regulator, { decay: 1, rate: 100, threshold: 1000, budget: 0 }, burst(0, 300, false));
    expect(timesOf(trace, false)).toEqual(Array.from({ length: 300 }, (_, i) => i / 100));
  });

  test('a queue of more than T seconds of frames, at the rate of the moment, starts the surge anew', () => {
    const given = { rate: 64, decay: 0.5, budget: 10_000, threshold: 2 };
    // From 4 s on the rate falls from 4 a second to half of that at 5 s. One frame leaves in each slot, so of 5 there are
    // never more than 2 s of the rate, of 10 at once.
    const gapsAfter = (count: number) => {
      const packets = [...burst(0, 1, false), ...burst(4, count, false), ...burst(9, 1, true)];
      const times = timesOf(defend(regulator, given, packets, 3).trace, false);
      return gaps(times.filter((time) => time >= 4)).slice(0, 5);
    };
    for (const gap of gapsAfter(5)) expect(gap).toBeGreaterThan(0.24);
    for (const gap of gapsAfter(10)) expect(gap).toBeLessThan(1 / 60);
  });

  test('frames are counted, not packets: a long packet is as many as it leaves in', () => {
    // 6000 bytes in frames of 600: 600 + 566 each of the rest, so 11.
    const given = { rate: 64, decay: 0.5, budget: 10_000, threshold: 2 };
    const packets = [...burst(0, 1, false), { time: 4, length: 6000, out: false }, ...burst(9, 1, true)];
    const { trace } = defend(regulator, given, packets, 3);
    const times = timesOf(trace, false).filter((time) => time >= 4);
    for (const gap of gaps(times).slice(0, 5)) expect(gap).toBeLessThan(1 / 60);
    expect(new Set(trace.length)).toEqual(new Set([600]));
  });

  test('an activity has up to N cover frames, each number as likely', () => {
    const budget = 4;
    const counts = new Array<number>(budget + 1).fill(0);
    for (let seed = 0; seed < 500; seed++) {
      const { trace } = defend(regulator, { budget }, [{ time: 0, length: 100, out: false }], seed);
      const cover = [...trace.cover].filter((one, i) => one === 1 && trace.direction[i] === 0).length;
      counts[cover]!++;
    }
    expect(counts.length).toBe(budget + 1);
    const chiSquare = counts.reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
    // 99.9 % quantile with 4 degrees of freedom (scipy.stats.chi2.ppf(0.999, 4)).
    expect(chiSquare).toBeLessThan(18.47);
  });

  test('with the budget spent and nothing waiting the activity is over, and the next packet starts a surge', () => {
    const { trace } = defend(regulator, { budget: 0, decay: 0.5 }, [...burst(0, 3, false), ...burst(60, 3, false)]);
    const times = timesOf(trace, false);
    expect(times.length).toBe(6);
    for (const [i, gap] of gaps(times).entries()) if (i !== 2) expect(gap).toBeLessThan(1 / 270);
    expect(times[3]).toBe(60);
  });
});

describe('from the home', () => {
  test.each([3.95, 1, 0.5, 20])('one frame leaves after every %d to it, at the time of one of them', (ratio) => {
    const { trace } = defend(regulator, { ratio, budget: 0 }, burst(0, 500, false));
    const [downs, ups] = [timesOf(trace, false), timesOf(trace, true)];
    expect(downs.length).toBe(500);
    expect(ups.length).toBe(Math.floor(500 / ratio));
    for (const [i, time] of ups.entries()) expect(time).toBe(downs[Math.ceil((i + 1) * ratio) - 1]);
  });

  test('what waits leaves in those frames, in order, and cover otherwise', () => {
    const packets = [...burst(0, 100, false), ...burst(0, 3, true)];
    const defended = defend(regulator, { ratio: 10, budget: 0, cap: 60 }, packets);
    const rows = [...defended.trace.direction].flatMap((direction, i) => (direction === 1 ? [i] : []));
    expect(rows.length).toBe(10);
    expect(rows.map((row) => carriedBy(defended, row)[0]?.[0] ?? null)).toEqual([
      100,
      101,
      102,
      ...Array(7).fill(null),
    ]);
  });

  test('no packet waits longer than C', () => {
    const packets = Array.from({ length: 40 }, (_, i) => ({ time: i * 0.1, length: 1300, out: true }));
    const { delivered } = defend(regulator, { ratio: 1000, rate: 10, cap: 0.5 }, packets);
    // Each leaves at its own time plus C: at no slot comes the turn of this direction.
    expect([...delivered]).toEqual(packets.map(({ time }) => time + 0.5));
  });

  test('a packet from the home starts a surge, too', () => {
    const { trace } = defend(regulator, {}, [{ time: 5, length: 100, out: true }]);
    expect(timesOf(trace, false)[0]).toBe(5);
    expect(timesOf(trace, true)[0]).toBeLessThan(5.02);
  });
});
