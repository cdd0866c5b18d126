import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import buflo from '../../defenses/buflo.js';
import constantRate from '../../defenses/constant-rate.js';
import dummy from '../../defenses/dummy.js';
import front from '../../defenses/front.js';
import jitter from '../../defenses/jitter.js';
import morph from '../../defenses/morph.js';
import netshaper from '../../defenses/netshaper.js';
import noise from '../../defenses/noise.js';
import none from '../../defenses/none.js';
import pad from '../../defenses/pad.js';
import regulator from '../../defenses/regulator.js';
import split from '../../defenses/split.js';
import spoof from '../../defenses/spoof.js';
import stp from '../../defenses/stp.js';
import tamaraw from '../../defenses/tamaraw.js';
import vpn from '../../defenses/vpn.js';
import vpnShaping from '../../defenses/vpn-shaping.js';
import wtfPad from '../../defenses/wtf-pad.js';
import { type AppliedDefense, type Defense, prepareDefense } from '../../src/shaping/shaper.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { describeParameters, parseRequest, resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import type { Trace } from '../../src/trace/trace.js';
import { anyTrace, makeTrace } from '../shaping/traces.js';
import { checks, type Subject } from './checks.js';

const defenses: readonly Defense[] = [
  none,
  pad,
  split,
  morph,
  jitter,
  noise,
  dummy,
  spoof,
  front,
  wtfPad,
  vpn,
  vpnShaping,
  netshaper,
  constantRate,
  buflo,
  tamaraw,
  stp,
  regulator,
];

function resolve(text: string): AppliedDefense {
  const { name, given } = parseRequest(text);
  const defense = defenses.find((one) => one.name === name)!;
  return { defense, parameters: resolveParameters(defense.parameters, given, `defense ${name}`) };
}

const training = makeTrace(
  Array.from({ length: 400 }, (_, i) => ({
    time: i * 0.5,
    length: 60 + i,
    flow: i % 3,
    device: i % 2,
    out: i % 5 > 1,
  })),
);

/** What the defenses that learn have learned, by request. */
const learned = new Map<string, unknown>();

const subjectOf =
  (text: string, capacity: number | null = null): Subject =>
  (trace, seed) => {
    const applied = text.split('+').map((one) => ({ ...resolve(one), knowledge: learned.get(one) }));
    return shapeAll(trace, applied, { rng: createRng(seed), capacity });
  };

async function learn(text: string): Promise<void> {
  const { defense, parameters } = resolve(text);
  const { knowledge } = await prepareDefense(defense, parameters, { trace: training, rng: createRng(1) });
  learned.set(text, knowledge);
}

/** What is to be held to the contract: every defense, with several parameters, and some in a row. */
const requests = [
  'none',
  ...pad.parameters.shape.rule.unwrap().options.map((rule) => `pad:rule=${rule}`),
  'pad:rule=random,width=0',
  'pad:rule=mtu,size=1514',
  ...jitter.parameters.shape.distribution.unwrap().options.map((distribution) => `jitter:distribution=${distribution}`),
  'jitter:distribution=exponential,delay=5',
  'jitter:distribution=batch,quantum=1',
  'split',
  'split:over=64,least=64',
  'split:over=1000,least=700',
  'morph',
  'morph:device=plug,mapping=quantile,parts=4',
  'noise',
  'noise:users=3,objects=20',
  'dummy',
  'dummy:rate=5,timing=fixed',
  'spoof',
  'spoof:device=plug,share=1,stretch=20',
  'front:client=50,server=80,idle=1',
  'front:client=50,server=80,per=home',
  'wtf-pad',
  'wtf-pad:per=home',
  'constant-rate:interval=0.5',
  'constant-rate:per=device,size=128,interval=2',
  'buflo:duration=1',
  'buflo:per=device,size=1000,interval=0.04,duration=0',
  'tamaraw',
  'tamaraw:per=device,multiple=1,inbound=0.04',
  'stp:rate=10',
  'stp:per=home,rate=10,probability=1',
  'regulator:budget=100',
  'regulator:per=device,rate=10,decay=0.5,budget=20,ratio=1,cap=0.1',
  'vpn',
  'vpn:tunnel=openvpn',
  'vpn:mtu=576',
  'vpn-shaping',
  'vpn-shaping:mode=stepped,up=400,down=400,hold=3',
  'vpn-shaping:cell=256,queue=20,tunnel=openvpn',
  'netshaper:intervalUp=0.5',
  'netshaper:intervalUp=2,windowUp=2,intervalDown=3,sensitivityUp=0,sensitivityDown=0,tunnel=openvpn',
  'jitter+vpn-shaping',
  'pad+netshaper:intervalUp=0.5+jitter:delay=0.01',
  'pad+jitter',
  'split+pad:rule=random',
  'jitter+split+vpn',
  'jitter+pad:rule=random',
  'pad:rule=linear+vpn',
  'vpn+pad:rule=mtu,size=1514',
  'jitter+vpn:tunnel=openvpn+jitter',
  'pad:rule=mtu+dummy+noise',
];

const neutral = ['noise:users=0', 'dummy:rate=0', 'spoof:devices=0', 'front:client=0,server=0'];

await Promise.all([...new Set([...requests.flatMap((text) => text.split('+')), ...neutral])].map(learn));

describe.each(requests)('%s', (request) => {
  test.each(Object.keys(checks) as (keyof typeof checks)[])('%s', (name) => {
    fc.assert(
      fc.property(anyTrace, (trace) => checks[name](subjectOf(request), trace)),
      { numRuns: 15 },
    );
  });

  test('holds over a slow link too', () => {
    const { sendsForwardInTime, conservesBytes, knowsItsCover } = checks;
    fc.assert(
      fc.property(anyTrace, (trace) => {
        for (const check of [sendsForwardInTime, conservesBytes, knowsItsCover]) check(subjectOf(request, 1e5), trace);
      }),
      { numRuns: 10 },
    );
  });
});

const busy = makeTrace(
  Array.from({ length: 300 }, (_, i) => ({
    time: i * 0.01,
    length: 60 + i,
    flow: i % 4,
    device: i % 2,
    out: i % 3 > 0,
  })),
);

describe('strength', () => {
  const wire = ({ time, length, port, flow, device }: Trace) =>
    [time, length, port, flow, device].map((column) => [...column]);

  test.each([
    'none',
    ...neutral,
    'pad:rule=random,width=0',
    'pad:rule=block,block=1',
    'pad:rule=linear,step=1',
    'pad:rule=gaussian,mean=0,deviation=0',
    'jitter:delay=0',
    'jitter:distribution=normal,delay=0,deviation=0',
    'jitter:distribution=laplace,delay=0,deviation=0',
    'jitter:distribution=exponential,delay=0',
    'jitter:distribution=batch,quantum=0',
    'split:over=65549',
  ])('%s changes nothing', (request) => {
    fc.assert(
      fc.property(anyTrace, (trace) => {
        expect(wire(subjectOf(request)(trace, 1).trace)).toEqual(wire(trace));
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    'pad:rule=random',
    'pad:rule=uniform',
    'pad:rule=gaussian',
    'pad:rule=levels',
    'netshaper',
    'jitter',
    'jitter:distribution=laplace',
    'split',
    'morph',
    'noise',
    'dummy:rate=5',
    'front:client=50,server=80,idle=1',
    'wtf-pad',
  ])('%s differs from seed to seed', (request) => {
    const [one, other] = [1, 2].map((seed) => wire(subjectOf(request)(busy, seed).trace));
    expect(one).not.toEqual(other);
  });
});

describe('parameters', () => {
  test('each has a default, and a description', () => {
    for (const { name, parameters } of defenses) {
      for (const one of describeParameters(parameters)) {
        expect(one.default, `${name}: ${one.name}`).toBeDefined();
        expect(one.description, `${name}: ${one.name}`).not.toBe('');
      }
    }
  });

  test('a number just out of its range is refused in one line that names defense, parameter and value', () => {
    for (const { name, parameters } of defenses) {
      for (const one of describeParameters(parameters)) {
        const bounds = [...one.range.matchAll(/([<>]) ?=? (-?[\d.]+)/g)];
        for (const [, side, bound] of bounds) {
          const value = side === '<' ? Number(bound) + 1 : Number(bound) - 1;
          const text = `^defense ${name}: ${one.name}: [^\\n]*${value}$`;
          expect(() => resolve(`${name}:${one.name}=${value}`)).toThrow(new RegExp(text));
        }
        if (one.type === 'number' || one.type === 'integer') expect(bounds.length, `${name}: ${one.name}`).toBe(2);
      }
    }
  });

  test('mice longer than size are refused, but only where there are mice', () => {
    const message = 'defense pad: mice: expected at most size, which is 100, found 128';
    expect(() => resolve('pad:rule=mice-elephants,size=100')).toThrow(message);
    expect(resolve('pad:rule=mtu,size=100').parameters).toMatchObject({ size: 100 });
  });
});

describe('each check can fail', () => {
  const honest = subjectOf('pad');
  /** An honest defense whose result is then tampered with. */
  const tampered =
    (tamper: (defended: ReturnType<Subject>, seed: number) => void): Subject =>
    (trace, seed) => {
      const defended = honest(trace, seed);
      tamper(defended, seed);
      return defended;
    };
  const put = (column: { [row: number]: number }, row: number, value: number) => {
    column[row] = value;
  };
  const add = (column: { [row: number]: number }, row: number, more: number) => put(column, row, column[row]! + more);
  let runs = 0;

  const failures: [keyof typeof checks, RegExp, Subject][] = [
    ['leavesItsInputAlone', /was changed/, tampered(({ original }) => add(original.length, 3, 1))],
    ['givesTheSameForTheSameSeed', /two runs/, tampered(({ trace }) => put(trace.length, 3, 1000 + runs++))],
    ['sendsForwardInTime', /frame 4 left before the one before/, tampered(({ trace }) => add(trace.time, 3, 1))],
    ['sendsForwardInTime', /frame 0 left before packet 0/, tampered(({ trace }) => add(trace.time, 0, -1))],
    ['sendsForwardInTime', /left at NaN/, tampered(({ trace }) => put(trace.time, 0, Number.NaN))],
    ['conservesBytes', /bytes of packet 3 were sent/, tampered(({ account }) => add(account.bytes, 3, 1))],
    ['conservesBytes', /called lost/, tampered(({ account }) => add(account.bytes, 3, -1))],
    ['conservesBytes', /carries 0 bytes/, tampered(({ account }) => put(account.bytes, 3, 0))],
    [
      'conservesBytes',
      /turned packet 3 round/,
      tampered(({ trace }) => put(trace.direction, 3, 1 - trace.direction[3]!)),
    ],
    ['keepsTheOrderOfFlows', /packet 15 was delivered before/, tampered(({ delivered }) => add(delivered, 3, 1))],
    ['knowsItsCover', /frame 3 is wrong/, tampered(({ trace }) => put(trace.cover, 3, 1))],
    [
      'knowsItsCover',
      /frame 3 belongs to a device/,
      tampered(({ trace }) => put(trace.device, 3, 1 - trace.device[3]!)),
    ],
    [
      'costsWhatItSends',
      /longest delay/,
      (trace, seed) => ({
        ...subjectOf('jitter')(trace, seed),
        original: { ...trace, cover: trace.cover.map(() => 1) },
      }),
    ],
    ['keepsToTheMtu', /frame 3 has 1515 bytes/, tampered(({ trace }) => put(trace.length, 3, 1515))],
  ];
  test.each(failures)('%s: %s', (name, message, subject) => {
    expect(() => checks[name](subject, structuredClone(busy))).toThrow(message);
  });
});
