import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { predictTrace } from '../../src/harness/observer/predict.js';
import { buildWindows, labelWindows } from '../../src/learning/build-windows.js';
import { spreadAnswers } from '../../src/learning/spread-answers.js';
import { NO_CLASS, type Sight } from '../../src/learning/windows.js';
import { NO_DEVICE } from '../../src/trace/trace.js';
import { makeTrace } from '../support/make-trace.js';

const classes = ['a', 'b'];
const seconds = { unit: 'seconds', mix: 'home', port: 'service', classes } as const;

describe('windows of seconds', () => {
  const trace = makeTrace([0, 1, 9.5, 10, 31, 32].map((time) => ({ time: 1000 + time, device: 0 })));

  it('begin at multiples after the first packet, and are left out where nothing was sent', () => {
    const { windows } = buildWindows(trace, { ...seconds, size: 10, stride: 10 });
    expect([...windows.start]).toEqual([0, 3, 4]);
    expect([...windows.count]).toEqual([3, 1, 2]);
    expect(windows.size).toBe(3);
    expect([...windows.time]).toEqual([0, 1, 9.5, 10, 31, 32]);
  });

  it('overlap where the stride is shorter than they are', () => {
    const { windows } = buildWindows(trace, { ...seconds, size: 10, stride: 5 });
    expect([...windows.start]).toEqual([0, 2, 3, 4]);
    expect([...windows.count]).toEqual([3, 2, 1, 2]);
  });

  it.each([
    [{ size: 0, stride: 1 }, 'window size: expected more than 0 seconds, found 0'],
    [{ size: 1, stride: Number.NaN }, 'window stride: expected more than 0 seconds, found NaN'],
  ])('%o is refused', (extent, message) => {
    expect(() => buildWindows(trace, { ...seconds, ...extent })).toThrow(message);
  });

  it('hold every packet, none of it twice where they do not overlap', () => {
    const times = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 500 }), (ticks, size) => {
        const sorted = ticks.sort((a, b) => a - b).map((tick) => ({ time: tick / 8, device: 0 }));
        const { windows } = buildWindows(makeTrace(sorted), { ...seconds, size: size / 8, stride: size / 8 });
        const held = [...windows.start].flatMap((from, w) =>
          Array.from({ length: windows.count[w]! }, (_, i) => from + i),
        );
        expect(held).toEqual(sorted.map((_, row) => row));
        for (const [w, from] of windows.start.entries()) {
          expect(windows.time[from + windows.count[w]! - 1]! - windows.time[from]!).toBeLessThan(size / 8);
        }
      }),
    );
  });
});

it('gives each remote host a stream of its own, and one to what stays in the home', () => {
  const trace = makeTrace([0, 1, 2, 3].map((time) => ({ time })));
  const flows = {
    ...trace.flows,
    count: 3,
    wan: Uint8Array.of(1, 1, 0),
    remoteAddress: Uint32Array.of(0, 0, 1),
    addresses: ['198.51.100.1', '192.168.1.9'],
  };
  const mixed = { ...trace, flow: Uint32Array.of(0, 2, 1, 2), flows };
  const { windows, source } = buildWindows(mixed, {
    size: 9,
    stride: 9,
    mix: 'remote',
    port: 'service',
    sees: ['remote'],
  });
  expect([...source]).toEqual([0, 2, 1, 3]);
  expect([...windows.streamEnds]).toEqual([2, 4]);
  expect([...windows.remote!.of].map((one) => windows.remote!.addresses[one])).toEqual([
    '198.51.100.1',
    '198.51.100.1',
    '',
    '',
  ]);
});

it('shows remote addresses to nobody who does not ask', () => {
  const options = { size: 9, stride: 9, mix: 'home', port: 'service' } as const;
  expect(buildWindows(makeTrace([{ time: 0 }]), options).windows.remote).toBeUndefined();
});

describe('what else is shown', () => {
  const trace = makeTrace([0, 1, 2, 3].map((time) => ({ time })));
  const flows = {
    ...trace.flows,
    count: 3,
    wan: Uint8Array.of(1, 1, 0),
    remoteAddress: Uint32Array.of(0, 0, 0),
    addresses: ['198.51.100.1'],
    name: Uint32Array.of(1, 2, 1),
    names: ['', 'a.example', 'b.example'],
  };
  const seen = { tcpWindow: Uint16Array.of(10, 20, 30, 40), hopLimit: Uint8Array.of(1, 2, 3, 4) };
  const shown = { ...trace, flow: Uint32Array.of(0, 1, 2, 0), flows, seen };
  const show = (...sees: Sight[]) =>
    buildWindows(shown, { size: 9, stride: 9, mix: 'flow', port: 'service', sees }).windows;

  it('has a row for each packet, in the order of its windows, and no column that was not asked for', () => {
    expect(show('tcpWindow').seen).toEqual({ tcpWindow: Uint16Array.of(10, 40, 20, 30) });
    expect(show('tcpWindow')).not.toHaveProperty('remote');
    expect(show('remote')).not.toHaveProperty('seen');
    expect(show('remote').remote).not.toHaveProperty('names');
  });

  it('has the name that each flow gives an address, and none for what stays in the home', () => {
    const { of, addresses, names } = show('remote', 'names').remote!;
    const pairs = [...of].map((end) => [addresses[end], names![end]]);
    const [first, second] = ['a.example', 'b.example'].map((name) => ['198.51.100.1', name]);
    expect(pairs).toEqual([first, first, second, ['', '']]);
    expect(new Set(show('names').remote!.addresses)).toEqual(new Set(['']));
  });

  it('may lack names, but no column of packets', () => {
    const plain = makeTrace([{ time: 0 }]);
    const options = { size: 9, stride: 9, mix: 'home', port: 'service' } as const;
    expect(buildWindows(plain, { ...options, sees: ['names'] }).windows.remote!.names).toEqual(['']);
    expect(() => buildWindows(plain, { ...options, sees: ['hopLimit'] })).toThrow(
      'windows: expected traffic with hopLimit, found none',
    );
  });
});

it('labels a window by the commonest class of its packets, the first of equals', () => {
  const devices = [1, 0, 0, 1, 1, NO_DEVICE, NO_DEVICE];
  const trace = makeTrace(devices.map((device, time) => ({ time, device })));
  const windowsOf = (size: number) =>
    buildWindows(trace, { size, stride: size, mix: 'home', port: 'service', classes }).windows;
  expect([...labelWindows(windowsOf(3))]).toEqual([0, 1, NO_CLASS]);
  expect([...labelWindows(windowsOf(2))]).toEqual([0, 0, 1, NO_CLASS]);
});

it('gives packets the mean of the answers for their windows, silent ones left out', () => {
  const trace = makeTrace([0, 1, 2, 3].map((time) => ({ time })));
  const { windows } = buildWindows(trace, { size: 2, stride: 1, mix: 'home', port: 'service', classes });
  const answers = Float32Array.of(1, 0, 0.5, 0.5, 0, 0);
  expect([...spreadAnswers(answers, windows, 2)]).toEqual([1, 0, 0.75, 0.25, 0.5, 0.5, 0, 0]);
});

it('averages all answers about a flow where that is asked for, silent ones left out', async () => {
  const trace = { ...makeTrace([0, 1, 2, 3].map((time) => ({ time }))), flow: Uint32Array.of(0, 1, 0, 1) };
  const identifier = { predict: async () => Float32Array.of(1, 0, 0, 0.5, 0.5, 0, 0, 0, 1, 0, 0, 0) };
  const windowing = { size: 2, mix: 'flow', port: 'service', joinsFlows: true } as const;
  const asked = { identifier, classes: [...classes, 'cover'], windowing };
  const { predicted, confidence, device } = await predictTrace(asked, trace);
  // Rows are the first flow's two packets, then the second's.
  expect([...predicted]).toEqual([0, 2, 0, 2]);
  expect([...confidence]).toEqual([0.75, 1, 0.75, 1]);
  expect([...device]).toEqual([0, NO_CLASS, 0, NO_CLASS]);
});

it('labels a window by its device however much cover is in it, and as cover only where there is nothing else', () => {
  const trace = makeTrace([1, 0, 0, 0, 0, 0].map((device, time) => ({ time, device, cover: time === 0 ? 0 : 1 })));
  const options = { size: 3, stride: 3, mix: 'home', port: 'service', classes, coverClass: true } as const;
  expect([...labelWindows(buildWindows(trace, options).windows)]).toEqual([1, 2]);
});
