import { expect, test } from 'vitest';
import { createSlots, type SlotPlan } from '../../../src/shaping/kit/slots.js';
import { shape } from '../../../src/shaping/simulate.js';
import { createRng } from '../../../src/shared/rng.js';
import { probe } from '../../support/probe.js';
import { makeTrace, type Packet } from '../../support/traces.js';

function padded(plan: Partial<SlotPlan>, packets: Packet[]) {
  const whole: SlotPlan = { size: 500, interval: [1, 1], first: 0, goesOn: (_, waiting) => waiting > 0, ...plan };
  return shape(
    makeTrace(packets),
    probe(() => createSlots(whole)),
    {},
    { rng: createRng(1) },
  );
}

const framesOf = ({ time, direction, cover }: ReturnType<typeof padded>['trace']) =>
  Array.from(time, (at, i) => `${at.toFixed(3)} ${direction[i] === 1 ? 'out' : 'in'}${cover[i] === 1 ? ' cover' : ''}`);

test('both directions use a slot that one of them needs, in one frame each', () => {
  const { trace } = padded({}, [
    { time: 5, length: 100 },
    { time: 5.5, length: 800, out: false },
  ]);
  expect(framesOf(trace)).toEqual([
    '5.000 in cover',
    '5.000 out',
    '6.000 in',
    '6.000 out cover',
    '7.000 in',
    '7.000 out cover',
  ]);
  expect([...new Set(trace.length)]).toEqual([500]);
});

test('once both have stopped, the next packet is a new start', () => {
  const { trace } = padded({ first: 1 }, [
    { time: 0, length: 100 },
    { time: 10.25, length: 100 },
  ]);
  expect(framesOf(trace)).toEqual(['1.000 in cover', '1.000 out', '11.250 in cover', '11.250 out']);
});

test('a direction that has stopped goes on at the times it would have had', () => {
  // Multiples of five: in stops after 0.1, at 0.12, and takes up its slots again at 0.34 for the packet of 0.333.
  const { trace } = padded(
    {
      interval: [0.02, 0.1],
      first: 1,
      goesOn: (sent, waiting) => waiting > 0 || sent === 0 || sent % 5 !== 0,
    },
    [
      { time: 0, length: 100, out: false },
      { time: 0.333, length: 100, out: false },
    ],
  );
  const inbound = framesOf(trace).filter((frame) => frame.includes('in'));
  expect(inbound).toEqual([
    '0.020 in',
    '0.040 in cover',
    '0.060 in cover',
    '0.080 in cover',
    '0.100 in cover',
    '0.340 in',
    '0.360 in cover',
    '0.380 in cover',
    '0.400 in cover',
    '0.420 in cover',
  ]);
  const outbound = framesOf(trace).filter((frame) => frame.includes('out'));
  expect(outbound.map((frame) => Number(frame.split(' ')[0]))).toEqual([0.1, 0.2, 0.3, 0.4, 0.5]);
});

test('a million slots later times are still multiples from the start', () => {
  const start = 1.7e9 + 1 / 3;
  const { trace } = padded({ interval: [0.1, 0.1], goesOn: (_, waiting, closed) => waiting > 0 || !closed }, [
    { time: start, length: 100 },
    { time: start + 50_000, length: 100 },
  ]);
  expect(trace.packets).toBe(2 * 500_001 + 2);
  const wrong = trace.time.filter((at, i) => at !== start + Math.floor(i / 2) * 0.1);
  expect(wrong.length).toBe(0);
});
