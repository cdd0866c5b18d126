import { describe, expect, it } from 'vitest';
import { concludeDevices, concludePresence, countMistaken } from '../../../src/harness/observer/conclude.js';
import { NO_CLASS } from '../../../src/learning/windows.js';
import { makeTrace } from '../../support/make-trace.js';

const classes = [
  { name: 'plug', category: 'iot' as const },
  { name: 'phone', category: 'non-iot' as const },
];

/** 100 packets, one a minute from 00:30: the first `plug` of them called plug with 0.9, the rest phone with `confidence`. */
function make(plug: number, confidence = 0.8) {
  const trace = makeTrace(
    Array.from({ length: 100 }, (_, i) => ({ time: 1800 + 60 * i, length: i < plug ? 300 : 100 })),
  );
  return {
    trace,
    predictions: {
      predicted: Uint16Array.from({ length: 100 }, (_, i) => (i < plug ? 0 : 1)),
      confidence: Float32Array.from({ length: 100 }, (_, i) => (i < plug ? 0.9 : confidence)),
    },
  };
}

describe('what is concluded of devices', () => {
  it('has shares, confidence and span of the packets that are attributed', () => {
    const { trace, predictions } = make(20);
    const [plug, phone] = concludeDevices(trace, predictions, { classes, mistaken: [0, 0] });
    expect(plug).toMatchObject({
      seen: true,
      packets: 20,
      bytes: 6000,
      packetShare: 0.2,
      first: 1800,
      last: 1800 + 19 * 60,
    });
    expect(plug!.byteShare).toBeCloseTo(6000 / 14_000, 12);
    expect(plug!.confidence).toBeCloseTo(0.9, 6);
    expect(phone!.confidence).toBeCloseTo(0.8, 6);
  });

  it('leaves a packet to nobody where the answer is not more probable than all others together', () => {
    const { trace, predictions } = make(20, 0.49);
    const [, phone] = concludeDevices(trace, predictions, { classes, mistaken: [0, 0] });
    expect(phone).toEqual({
      ...phone,
      seen: false,
      packets: 0,
      bytes: 0,
      confidence: null,
      first: null,
      last: null,
    });
  });

  it('sees no device in few packets, nor in no more than mistakes would give', () => {
    const seen = (plug: number, mistaken: number) => {
      const { trace, predictions } = make(plug);
      return concludeDevices(trace, predictions, { classes, mistaken: [mistaken, 0] })[0]!.seen;
    };
    expect([seen(9, 0), seen(10, 0)]).toEqual([false, true]);
    // 80 others: mistakes would give 0.1 of them, 8; twice that is 16.
    expect([seen(20, 0.1), seen(20, 0.125), seen(20, 0.2)]).toEqual([true, false, false]);
  });

  it('counts mistakes among the packets of other classes, as far as they are sure', () => {
    const predictions = {
      predicted: Uint16Array.of(0, 0, 1, 0, 1, NO_CLASS),
      confidence: Float32Array.of(0.9, 0.9, 0.6, 0.4, 0.9, 0),
    };
    // Class 0 has packets 0 and 2, class 1 has 1, 3 and 5; packet 4 is not scored.
    const truth = Uint16Array.of(0, 1, 0, 1, NO_CLASS, 1);
    expect(countMistaken(truth, predictions, 2)).toEqual([1 / 3, 1 / 2]);
  });
});

describe('presence over time', () => {
  it('is told for whole hours of the clock', () => {
    const { trace, predictions } = make(40);
    const hours = concludePresence(trace, predictions, { classes, mistaken: [0, 0] }, 60);
    expect(hours.map(({ from, to, packets }) => [from, to, packets])).toEqual([
      [0, 3600, 30],
      [3600, 7200, 60],
      [7200, 10_800, 10],
    ]);
    expect(hours.map(({ attributed }) => attributed)).toEqual([
      [30, 0],
      [10, 50],
      [0, 10],
    ]);
    expect(hours.map(({ seen }) => seen)).toEqual([
      [true, false],
      [true, true],
      [false, true],
    ]);
  });

  it('is not cut into more stretches than anybody can use', () => {
    const trace = makeTrace([{ time: 0 }, { time: 1.7e9 }]);
    const predictions = { predicted: new Uint16Array(2), confidence: new Float32Array(2) };
    expect(() => concludePresence(trace, predictions, { classes, mistaken: [0, 0] }, 1)).toThrow('at most 100000');
  });
});
