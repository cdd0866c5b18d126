import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitAt, splitByFile, splitByPaths, splitByTime, splitValidation } from '../../src/learning/split.js';
import { makeTrace } from '../support/make-trace.js';

const times = (...values: number[]) => makeTrace(values.map((time) => ({ time })));

describe('by time', () => {
  it('cuts at the time at which the fraction of packets has passed', () => {
    const { train, test } = splitByTime(times(0, 1, 2, 3, 100), 0.6);
    expect([...train.time]).toEqual([0, 1, 2]);
    expect([...test.time]).toEqual([3, 100]);
    expect(train.packets).toBe(3);
  });

  it('lets all packets at the very time of the cut test', () => {
    const { train, test } = splitByTime(times(0, 1, 1, 1, 2), 0.6);
    expect([...train.time]).toEqual([0]);
    expect([...test.time]).toEqual([1, 1, 1, 2]);
  });

  it('has no packet on both sides and loses none', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.integer({ min: 0, max: 10 }), (values, cut) => {
        const { train, test } = splitAt(times(...values), cut);
        expect(train.packets + test.packets).toBe(values.length);
        expect([...train.time].every((time) => time < cut)).toBe(true);
        expect([...test.time].every((time) => time >= cut)).toBe(true);
      }),
    );
  });

  it('leaves out a gap after the last training packet', () => {
    const trace = times(0, 1, 2, 3, 11, 12, 100);
    const { train, test } = splitByTime(trace, 0.5, 10);
    expect([...train.time]).toEqual([0, 1, 2]);
    expect([...test.time]).toEqual([12, 100]);
    expect([...splitByTime(trace, 0.5, 0.5).test.time]).toEqual([3, 11, 12, 100]);
    expect([...splitByTime(trace, 0.5, 98).test.time]).toEqual([100]);
    expect(() => splitByTime(trace, 0.5, 7200)).toThrow(
      'split by time: expected packets 2 h 00 min after the training part, found the last one 1 min 38 s after it',
    );
  });

  it('says what is wrong with a fraction or a trace that cannot be cut', () => {
    expect(() => splitByTime(times(0, 1), 1)).toThrow('expected a fraction between 0 and 1, found 1');
    expect(() => splitByTime(times(0), 0.5)).toThrow('at least 2 packets');
    expect(() => splitByTime(times(7, 7, 7), 0.5)).toThrow('no packet is earlier');
  });
});

describe('by file', () => {
  const trace = (...rows: [time: number, device: number, file: number][]) =>
    makeTrace(
      rows.map(([time, device, file]) => ({ time, device, file })),
      { files: ['f0', 'f1', 'f2', 'f3', 'f4'] },
    );
  const sides = (split: { train: { file: Uint16Array }; test: { file: Uint16Array } }) => [
    [...new Set(split.train.file)].sort(),
    [...new Set(split.test.file)].sort(),
  ];

  it('trains on each device’s earlier files', () => {
    // Device 0: files 2, 0, 1 in order of time; device 1: files 4, 3.
    const split = splitByFile(trace([0, 0, 2], [1, 1, 4], [2, 0, 0], [3, 0, 1], [4, 1, 3], [5, 0, 2]), 0.6);
    expect(sides(split)).toEqual([
      [0, 2, 4],
      [1, 3],
    ]);
  });

  it('keeps at least one file of a device for each side, and a lone file for training', () => {
    expect(sides(splitByFile(trace([0, 0, 0], [1, 0, 1], [2, 1, 2]), 0.99))).toEqual([[0, 2], [1]]);
    expect(sides(splitByFile(trace([0, 0, 0], [1, 0, 1], [2, 1, 2]), 0.01))).toEqual([[0, 2], [1]]);
  });

  it('moves the cut where shared files would leave a device on one side', () => {
    // Files 0..3 in order; device 1 is only in files 2 and 3, so that a cut after two files would only test it.
    const split = splitByFile(trace([0, 0, 0], [1, 0, 1], [2, 0, 2], [2, 1, 2], [3, 0, 3], [4, 1, 3]), 0.5);
    expect(sides(split)).toEqual([[0, 1, 2], [3]]);
  });

  it('never puts a file on both sides', () => {
    const row = fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 2 }), fc.nat({ max: 4 }));
    fc.assert(
      fc.property(fc.array(row), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (rows, fraction) => {
        const all = trace(...rows);
        const split = splitByFile(all, fraction);
        const [train, test] = sides(split);
        expect(split.train.packets + split.test.packets).toBe(all.packets);
        expect(train!.filter((file) => test!.includes(file))).toEqual([]);
      }),
    );
  });
});

describe('validation part', () => {
  it('is the end of the training time', () => {
    const { train, test } = splitValidation(times(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 0.1, 'time');
    expect(train.packets).toBe(9);
    expect([...test.time]).toEqual([9]);
  });

  it('is empty where there is nothing to cut', () => {
    expect(splitValidation(times(3), 0.1, 'time').test.packets).toBe(0);
    expect(splitValidation(times(), 0.1, 'time').train.packets).toBe(0);
    expect(splitValidation(times(0, 1, 2), 0.1, 'file').test.packets).toBe(0);
  });

  it('is the last files of those devices that have some to spare', () => {
    const rows = [0, 1, 2, 3, 4].map((file) => ({ time: file, file, device: file < 4 ? 0 : 1 }));
    const { train, test } = splitValidation(makeTrace(rows, { files: ['0', '1', '2', '3', '4'] }), 0.25, 'file');
    expect([...train.file]).toEqual([0, 1, 2, 4]);
    expect([...test.file]).toEqual([3]);
  });
});

describe('by paths', () => {
  const trace = makeTrace(
    [0, 1, 2].map((file) => ({ time: file, file })),
    { files: ['a/1.pcap', 'a/2.pcap', 'ab/1.pcap'] },
  );

  it('takes files at or below the paths', () => {
    const { train, test } = splitByPaths(trace, ['a'], ['ab/1.pcap']);
    expect([...train.file]).toEqual([0, 1]);
    expect([...test.file]).toEqual([2]);
  });

  it('refuses a file on both sides or on none', () => {
    expect(() => splitByPaths(trace, ['a', 'ab'], ['a/2.pcap'])).toThrow('a/2.pcap: expected in the training or');
    expect(() => splitByPaths(trace, ['a'], [])).toThrow('found in none');
  });
});
