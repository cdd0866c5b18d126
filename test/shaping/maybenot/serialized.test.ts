import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Distribution, DistributionKind } from '../../../src/shaping/maybenot/distribution.js';
import { type Machine, STATE_END, STATE_SIGNAL, type State } from '../../../src/shaping/maybenot/machine.js';
import { EPHEMERAL_PADDING } from '../../../src/shaping/maybenot/published.js';
import { decodeMachine, readMachines } from '../../../src/shaping/maybenot/serialized.js';
import { InputError } from '../../../src/shared/errors.js';
import { encodeMachine, machineToBincode, pack } from '../../support/encode-machine.js';
import {
  anyMachine,
  block,
  count,
  distribution,
  fixed,
  machine,
  pad,
  state,
  UNLIMITED,
} from '../../support/machines.js';
import {
  BETWEEN_VERSIONS,
  EXAMPLE,
  NOOP,
  ONE_PADDING,
  PADDING_DEFENSES,
  PING,
} from '../../support/published-machines.js';

const published = [
  NOOP,
  EXAMPLE,
  PING,
  ONE_PADDING,
  ...EPHEMERAL_PADDING.client,
  ...EPHEMERAL_PADDING.server,
  ...PADDING_DEFENSES.flat(),
];
const bincodeOf = (text: string): Uint8Array => inflateSync(Buffer.from(text.slice(2), 'base64'));
const decode = (text: string) => decodeMachine(text, 'here');

/** The message, once it is seen to be one line of an InputError that says where. */
function refusalOf(text: string): string {
  try {
    decode(text);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(InputError);
    const { message } = thrown as InputError;
    expect(message).toMatch(/^here: [ -~]+$/);
    return message.slice('here: '.length);
  }
  return 'accepted';
}

describe('published machines', () => {
  test.each(published)('%s comes back byte for byte', (text) => {
    const again = encodeMachine(decode(text));
    expect(Buffer.compare(bincodeOf(again), bincodeOf(text))).toBe(0);
    expect(decode(again)).toEqual(decode(text));
  });

  test('the one that does nothing has the very same text', () => {
    expect(encodeMachine(machine([state({})]))).toBe(NOOP);
  });

  /** As the unit tests that publish them build them; the compressed bytes differ from one zlib to another. */
  test.each<[string, string, Machine]>([
    [
      'pads 5 s after a packet in the tunnel',
      EXAMPLE,
      {
        ...machine([
          state({ TunnelRecv: 1 }),
          state({ PaddingSent: 0 }, pad(distribution('uniform', [0, 0], 5_000_000))),
        ]),
        allowedPaddingPackets: UNLIMITED,
        maxPaddingFraction: 1,
      },
    ],
    [
      'pads every second',
      PING,
      {
        ...machine([
          state({ NormalSent: 1, NormalRecv: 1 }),
          state({ PaddingSent: 1 }, pad(distribution('uniform', [0, 0], 1_000_000))),
        ]),
        allowedPaddingPackets: UNLIMITED,
        maxPaddingFraction: 1,
      },
    ],
    [
      'pads once, 20 ms after the first packet',
      ONE_PADDING,
      machine([state({ NormalSent: 1 }), state({}, pad(distribution('uniform', [0, 0], 20_000)))]),
    ],
  ])('the one that %s is what its makers say', (_, text, expected) => {
    expect(decode(text)).toEqual(expected);
    expect(Buffer.compare(machineToBincode(expected), bincodeOf(text))).toBe(0);
  });

  test('a padding defense is what a decoder in Python makes of it', () => {
    const [first] = decode(EPHEMERAL_PADDING.client[0]).states;
    expect(decode(EPHEMERAL_PADDING.client[0])).toMatchObject({ allowedPaddingPackets: 47n, maxPaddingFraction: 0 });
    expect(first).toEqual(
      state(
        {
          NormalSent: [
            { to: 1, probability: Math.fround(0.167) },
            { to: 2, probability: Math.fround(0.436) },
            { to: 0, probability: Math.fround(0.397) },
          ],
          PaddingSent: [
            { to: 0, probability: Math.fround(0.631) },
            { to: 1, probability: Math.fround(0.369) },
          ],
        },
        pad(distribution('normal', [38_801.286, 31_145.169], 54_620.057, 55_953.49), { bypass: true, replace: true }),
      ),
    );
  });
});

test('any machine comes back equal, and the same in bincode', () => {
  fc.assert(
    fc.property(anyMachine, (given) => {
      const text = encodeMachine(given);
      expect(decode(text)).toEqual(given);
      expect(Buffer.compare(bincodeOf(text), machineToBincode(given))).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('integers of every length come back: 250 is one byte, 251 three, 2^16 five, 2^32 nine', () => {
  for (const [value, bytes] of [
    [250n, 1],
    [251n, 3],
    [65_535n, 3],
    [65_536n, 5],
    [2n ** 32n - 1n, 5],
    [2n ** 32n, 9],
    [UNLIMITED, 9],
  ] as const) {
    const given = { ...machine([state({})]), allowedBlockedMicroseconds: value };
    expect(machineToBincode(given).length).toBe(34 + bytes);
    expect(decode(encodeMachine(given)).allowedBlockedMicroseconds).toBe(value);
  }
});

describe('what is damaged is refused in one line', () => {
  const sound = bincodeOf(PING);
  const patched = (at: number, ...bytes: number[]): string => {
    const copy = Uint8Array.from(sound);
    copy.set(bytes, at);
    return pack(copy);
  };
  test.each([
    ['nothing', '', 'expected a machine of version "02", found ""'],
    ['version 1', `01${NOOP.slice(2)}`, 'expected a machine of version "02", found "01"'],
    ['version 3', '03eNpjYGBkQAcAACYAAg==', 'expected a machine of version "02", found "03"'],
    ['version 1, in hexadecimal', '789cedd0510a401110', 'expected a machine of version "02", found "78"'],
    ['no letters', '\n\u{1f914}', 'expected a machine of version "02", found "??"'],
    ['a version alone', '02', 'expected base64 with padding after the version, found something else'],
    ['no base64', '02!eNpjYEAHjOgCAAA0AAI=', 'expected base64 with padding after the version, found something else'],
    [
      'base64 for URLs',
      EPHEMERAL_PADDING.client[0].replace('/', '_'),
      'expected base64 with padding after the version, found something else',
    ],
    ['no padding', NOOP.slice(0, -1), 'expected base64 with padding after the version, found something else'],
    [
      'bits beyond the last byte',
      '02eNpjYEAHjOgCAAA0AAJ=',
      'expected base64 with padding after the version, found something else',
    ],
    ['no zlib', '02AAAAAAAA', 'not a whole zlib stream: unknown compression method'],
    ['half a stream', NOOP.slice(0, -8), 'not a whole zlib stream: unexpected end of file'],
    ['a wrong checksum', '02eNpjYEAHjOgCAAA0AAM=', 'not a whole zlib stream: incorrect data check'],
    ['bytes after the stream', `${NOOP.slice(0, -1)}A`, 'expected nothing after the zlib stream, found 1 bytes'],
    [
      'a bomb',
      `02${deflateSync(new Uint8Array(2 ** 20 + 1)).toString('base64')}`,
      'expected at most 1048576 bytes when decompressed, found more',
    ],
    ['a megabyte of nothing', pack(new Uint8Array(2 ** 20)), 'expected its end at byte 19, found 1048557 bytes more'],
    [
      'bytes after the machine',
      pack(Uint8Array.from([...sound, 0])),
      `expected its end at byte ${sound.length}, found 1 bytes more`,
    ],
    [
      'states without end',
      patched(26, 253, 255, 255, 255, 255, 255, 255, 255, 127),
      'action: expected 0 or 1 at byte 35, found 128',
    ],
    [
      'an integer of 128 bits',
      patched(0, 254),
      'allowed_padding_packets: expected at most 64 bits at byte 0, found mark 254',
    ],
    ['an option that is neither', patched(27, 7), 'action: expected 0 or 1 at byte 27, found 7'],
  ])('%s', (_, text, message) => {
    expect(refusalOf(text)).toBe(message);
  });

  test.each(BETWEEN_VERSIONS)('%s, of another layout', (text) => {
    expect(refusalOf(text)).toMatch(/expected its end|cut short|expected 0/);
  });

  test('every beginning of a machine', () => {
    const whole = bincodeOf(EPHEMERAL_PADDING.server[0]);
    for (let length = 0; length < whole.length; length++) {
      expect(refusalOf(pack(whole.slice(0, length)))).toMatch(
        /^cut short at byte \d+, in |expected at least one state/,
      );
    }
  });

  test('any byte changed in a machine gives a machine that is valid, or one line', () => {
    const whole = bincodeOf(EPHEMERAL_PADDING.client[0]);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const copy = Uint8Array.from(whole);
        copy[at]! ^= change;
        const text = pack(copy);
        if (refusalOf(text) === 'accepted') expect(() => encodeMachine(decode(text))).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });

  test('any text', () => {
    const refused = (text: string): void => expect(refusalOf(text)).not.toBe('accepted');
    fc.assert(
      fc.property(fc.string(), (text) => {
        refused(`02${text}`);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        refused(pack(bytes));
      }),
    );
  });
});

describe('a machine that breaks the rules is refused', () => {
  const withState = (one: State) => machine([state({}), one]);
  const withRow = (...row: [to: number, probability: number][]) =>
    withState(state({ NormalSent: row.map(([to, probability]) => ({ to, probability })) }));
  const withTimeout = (kind: DistributionKind, parameters: number[], more: Partial<Distribution> = {}) =>
    withState(state({}, pad({ ...distribution(kind, parameters), ...more })));
  const [nan, infinite] = [Number.NaN, Number.POSITIVE_INFINITY];

  test.each<[Machine, string]>([
    [machine([]), 'expected at least one state, found none'],
    [machine([state({})], { paddingFraction: 1.1 }), 'max_padding_frac: expected from 0 to 1, found 1.1'],
    [machine([state({})], { paddingFraction: -0.1 }), 'max_padding_frac: expected from 0 to 1, found -0.1'],
    [machine([state({})], { paddingFraction: nan }), 'max_padding_frac: expected from 0 to 1, found NaN'],
    [machine([state({})], { blockedFraction: 2 }), 'max_blocking_frac: expected from 0 to 1, found 2'],
    [withRow([2, 1]), 'state 1: NormalSent: expected a state below 2, found 2'],
    [withRow([STATE_SIGNAL - 1, 1]), 'state 1: NormalSent: expected a state below 2, found 4294967293'],
    [withRow([0, 0.5], [0, 0.25]), 'state 1: NormalSent: state 0 is named twice'],
    [withRow([0, 1.5]), 'state 1: NormalSent: expected a probability above 0, at most 1, found 1.5'],
    [withRow([0, 0]), 'state 1: NormalSent: expected a probability above 0, at most 1, found 0'],
    [withRow([0, -0.5]), 'state 1: NormalSent: expected a probability above 0, at most 1, found -0.5'],
    [withRow([0, nan]), 'state 1: NormalSent: expected a probability above 0, at most 1, found NaN'],
    [withRow([0, 0.75], [1, 0.5]), 'state 1: NormalSent: expected probabilities that sum to at most 1, found 1.25'],
    [withRow(), 'state 1: NormalSent: expected a transition, found none'],
    [withTimeout('uniform', [15, 5]), 'state 1: timeout: uniform: expected finite bounds in order, found 15, 5'],
    [
      withTimeout('uniform', [0, infinite]),
      'state 1: timeout: uniform: expected finite bounds in order, found 0, Infinity',
    ],
    [
      withTimeout('normal', [100, infinite]),
      'state 1: timeout: normal: stdev: expected a finite number, found Infinity',
    ],
    [withTimeout('normal', [nan, 1]), 'state 1: timeout: normal: mean: expected a number, found NaN'],
    [
      withTimeout('skew-normal', [0, 0, 1]),
      'state 1: timeout: skew-normal: scale: expected finite and above 0, found 0',
    ],
    [
      withTimeout('skew-normal', [0, 1, infinite]),
      'state 1: timeout: skew-normal: shape: expected a finite number, found Infinity',
    ],
    [
      withTimeout('log-normal', [1, infinite]),
      'state 1: timeout: log-normal: sigma: expected a finite number, found Infinity',
    ],
    [withTimeout('binomial', [10, 1.1]), 'state 1: timeout: binomial: probability: expected from 0 to 1, found 1.1'],
    [
      withTimeout('binomial', [10, 1e-10]),
      'state 1: timeout: binomial: probability: expected 0 or at least 1e-9, found 1e-10',
    ],
    [
      withTimeout('binomial', [1e9 + 1, 0.5]),
      'state 1: timeout: binomial: trials: expected at most 1000000000, found 1000000001',
    ],
    [
      withTimeout('geometric', [1e-10]),
      'state 1: timeout: geometric: probability: expected 0 or at least 1e-9, found 1e-10',
    ],
    [withTimeout('geometric', [-0.1]), 'state 1: timeout: geometric: probability: expected from 0 to 1, found -0.1'],
    [withTimeout('pareto', [-1, 0.5]), 'state 1: timeout: pareto: scale: expected above 0, found -1'],
    [
      withTimeout('poisson', [-1]),
      'state 1: timeout: poisson: lambda: expected above 0, at most 18440000000000000000, found -1',
    ],
    [
      withTimeout('poisson', [1e20]),
      'state 1: timeout: poisson: lambda: expected above 0, at most 18440000000000000000, found 100000000000000000000',
    ],
    [withTimeout('weibull', [1, -0.5]), 'state 1: timeout: weibull: shape: expected above 0, found -0.5'],
    [withTimeout('gamma', [1, -0.5]), 'state 1: timeout: gamma: shape: expected above 0, found -0.5'],
    [withTimeout('beta', [1, 0]), 'state 1: timeout: beta: beta: expected above 0, found 0'],
    [withTimeout('beta', [1, 1], { max: nan }), 'state 1: timeout: beta: max: expected a number, found NaN'],
    [
      withState(state({}, block(1, 1, { limit: distribution('geometric', [2]) }))),
      'state 1: limit: geometric: probability: expected from 0 to 1, found 2',
    ],
    [
      withState(state({}, { ...block(1, 1), duration: distribution('poisson', [0]) } as State['action'])),
      'state 1: duration: poisson: lambda: expected above 0, at most 18440000000000000000, found 0',
    ],
    [
      withState(state({}, null, null, { ...count('set'), distribution: distribution('pareto', [1, 0]) })),
      'state 1: counter B: pareto: shape: expected above 0, found 0',
    ],
  ])('%#', (given, message) => {
    expect(refusalOf(pack(machineToBincode(given)))).toBe(message);
    expect(() => encodeMachine(given)).toThrow(`machine: ${message}`);
  });

  test('pseudo-states are states, and probabilities may leave something over', () => {
    const given = withRow([STATE_END, 0.25], [STATE_SIGNAL, 0.25], [0, 0.25]);
    expect(decode(encodeMachine(given))).toEqual(given);
  });

  test('a negative standard deviation and a first state without anything are fine', () => {
    expect(refusalOf(encodeMachine(machine([state({ Signal: 0 }, pad(distribution('normal', [5, -1])))])))).toBe(
      'accepted',
    );
    expect(refusalOf(encodeMachine(machine([state({}, pad(fixed(1)))])))).toBe('accepted');
  });

  test('more states than there may be', () => {
    const many = machine(new Array(60_000).fill(state({})));
    expect(refusalOf(pack(machineToBincode(many)))).toBe('accepted');
    expect(() => encodeMachine(machine(new Array(100_001).fill(state({}))))).toThrow(
      'expected at most 100000 states, found 100001',
    );
  });
});

describe('a file of machines', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'homeveil-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (text: string): string => {
    const path = join(folder, 'machines.txt');
    writeFileSync(path, text);
    return path;
  };

  test('has one in a line, with comments and empty lines', () => {
    expect(readMachines(file(`# two of them\r\n\r\n  ${NOOP}\n# the other\n${PING}`))).toEqual([
      decode(NOOP),
      decode(PING),
    ]);
  });

  test('that is wrong is refused with file and line', () => {
    const path = file(`${NOOP}\n\n# next\n03${NOOP.slice(2)}\n`);
    expect(() => readMachines(path)).toThrow(
      new InputError(`${path}:4: expected a machine of version "02", found "03"`),
    );
  });

  test('that is empty, has too many or is not there is refused', () => {
    const path = file('# nothing\n\n');
    expect(() => readMachines(path)).toThrow(`${path}: expected a machine, found none`);
    expect(() => readMachines(file(`${NOOP}\n`.repeat(101)))).toThrow(`${path}:101: expected at most 100 machines`);
    expect(() => readMachines(join(folder, 'none'))).toThrow(/none: cannot be read: no such file/);
    expect(() => readMachines(folder)).toThrow(/cannot be read: it is a folder/);
  });
});
