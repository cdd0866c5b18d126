import type { DefendedTrace } from '../../src/shaping/account.js';
import { costOf } from '../../src/shaping/cost.js';
import type { Trace } from '../../src/trace/trace.js';
import { carriedBy } from '../shaping/traces.js';

/** Anything that takes a trace and a seed and gives a defended trace: a defense with its parameters. */
export type Subject = (trace: Trace, seed: number) => DefendedTrace;

/** What every defense owes, whatever it does. Each check throws an Error that says what was found instead. */
export type Check = (subject: Subject, trace: Trace) => void;

const LARGEST_FRAME = 1514;

const columns = ['time', 'length', 'direction', 'protocols', 'port', 'flow', 'device', 'cover', 'file'] as const;

function same(a: Trace, b: Trace): boolean {
  return columns.every(
    (name) => a[name].length === b[name].length && a[name].every((value, i) => value === b[name][i]),
  );
}

function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

export const leavesItsInputAlone: Check = (subject, trace) => {
  const before = structuredClone(trace);
  subject(trace, 1);
  demand(same(trace, before), 'the trace that went in was changed');
};

export const givesTheSameForTheSameSeed: Check = (subject, trace) => {
  demand(same(subject(trace, 1).trace, subject(trace, 1).trace), 'two runs with one seed differ');
};

export const sendsForwardInTime: Check = (subject, trace) => {
  const defended = subject(trace, 1);
  const { time } = defended.trace;
  for (let frame = 0; frame < time.length; frame++) {
    demand(Number.isFinite(time[frame]!), `frame ${frame} left at ${time[frame]}`);
    demand(frame === 0 || time[frame]! >= time[frame - 1]!, `frame ${frame} left before the one before it`);
    for (const [packet] of carriedBy(defended, frame)) {
      demand(
        time[frame]! >= trace.time[packet]!,
        `frame ${frame} left before packet ${packet}, which it carries, arrived`,
      );
    }
  }
};

export const conservesBytes: Check = (subject, trace) => {
  const defended = subject(trace, 1);
  const carried = new Float64Array(trace.packets);
  for (let frame = 0; frame < defended.trace.packets; frame++) {
    for (const [packet, bytes] of carriedBy(defended, frame)) {
      demand(bytes >= 1, `frame ${frame} carries ${bytes} bytes of packet ${packet}`);
      demand(
        trace.direction[packet] === defended.trace.direction[frame],
        `frame ${frame} turned packet ${packet} round`,
      );
      carried[packet]! += bytes;
    }
  }
  let lost = 0;
  for (let i = 0; i < trace.packets; i++) {
    const whole = carried[i] === trace.length[i];
    demand(
      carried[i]! <= trace.length[i]!,
      `${carried[i]} bytes of packet ${i} were sent, which has ${trace.length[i]}`,
    );
    demand(whole !== Number.isNaN(defended.delivered[i]!), `packet ${i} is called lost and was not, or the reverse`);
    if (!whole && trace.cover[i] === 0) lost++;
  }
  demand(lost === defended.dropped, `${lost} packets were lost, and ${defended.dropped} called so`);
};

export const keepsTheOrderOfFlows: Check = (subject, trace) => {
  const { delivered } = subject(trace, 1);
  const last = new Map<string, number>();
  for (let i = 0; i < trace.packets; i++) {
    if (Number.isNaN(delivered[i]!)) continue;
    const stream = `${trace.flow[i]} ${trace.direction[i]}`;
    demand(delivered[i]! >= (last.get(stream) ?? 0), `packet ${i} was delivered before an earlier one of its flow`);
    last.set(stream, delivered[i]!);
  }
};

export const knowsItsCover: Check = (subject, trace) => {
  const defended = subject(trace, 1);
  for (let frame = 0; frame < defended.trace.packets; frame++) {
    const real = carriedBy(defended, frame).filter(([packet]) => trace.cover[packet] === 0);
    demand((defended.trace.cover[frame] === 1) === (real.length === 0), `frame ${frame} is wrong about being cover`);
    const owners = new Set(real.map(([packet]) => trace.device[packet]));
    demand(
      real.length === 0 || owners.has(defended.trace.device[frame]),
      `frame ${frame} belongs to a device that it carries nothing of`,
    );
  }
};

export const costsWhatItSends: Check = (subject, trace) => {
  const defended = subject(trace, 1);
  const cost = costOf(defended, trace);
  const sum = (lengths: Uint32Array) => lengths.reduce((a, b) => a + b, 0);
  const before = sum(trace.length);
  const expected = before === 0 ? null : (sum(defended.trace.length) - before) / before;
  demand(
    cost.bandwidthOverhead === expected,
    `bandwidth overhead ${cost.bandwidthOverhead}, a recount gives ${expected}`,
  );
  const done = [...defended.delivered].map((time, i) => time - trace.time[i]!);
  const slowest = done.filter((delay, i) => !Number.isNaN(delay) && trace.cover[i] === 0);
  const most = slowest.length === 0 ? null : Math.max(...slowest);
  demand(cost.addedDelay.max === most, `longest delay ${cost.addedDelay.max}, a recount gives ${most}`);
};

export const keepsToTheMtu: Check = (subject, trace) => {
  const defended = subject(trace, 1);
  for (let frame = 0; frame < defended.trace.packets; frame++) {
    const carried = carriedBy(defended, frame).map(([packet]) => trace.length[packet]!);
    const allowed = Math.max(LARGEST_FRAME, ...carried);
    demand(defended.trace.length[frame]! <= allowed, `frame ${frame} has ${defended.trace.length[frame]} bytes`);
  }
};

export const checks = {
  leavesItsInputAlone,
  givesTheSameForTheSameSeed,
  sendsForwardInTime,
  conservesBytes,
  keepsTheOrderOfFlows,
  knowsItsCover,
  costsWhatItSends,
  keepsToTheMtu,
};
