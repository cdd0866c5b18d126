import { z } from 'zod';
import { isPlayable, type Recording, recordingOf, replay } from '../src/shaping/kit/recording.js';
import { createStage, type Stage } from '../src/shaping/kit/stage.js';
import type { Task } from '../src/shaping/kit/tasks.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { suggestion, UsageError } from '../src/shared/errors.js';
import type { Rng } from '../src/shared/rng.js';
import type { Trace } from '../src/trace/trace.js';

const parameters = z.object({
  devices: z.int().min(0).max(64).default(2).describe('false devices'),
  device: z
    .string()
    .default('')
    .describe('name of the device that all of them play; empty: each another one, drawn by chance'),
  share: z.number().min(0.01).max(1).default(0.5).describe('share of the time that a false device is there'),
  stretch: z.number().min(1).max(86_400).default(300).describe('seconds that it is there without a break'),
});

type Parameters = z.output<typeof parameters>;

/** What a false device has learned of a real one. */
interface Model {
  readonly recording: Recording;
  /** Stretches that hold packets: number of the stretch, and its first row; and the end of the last. */
  readonly stretches: readonly { readonly number: number; readonly from: number; readonly to: number }[];
}

/** Packets that cross the gateway: with fewer in the training traffic a device has no pattern to learn. */
const FEWEST_PACKETS = 10;

/** The rows of `trace.devices` to play, one for each false device. */
function chooseDevices({ devices, device }: Parameters, trace: Trace, rng: Rng): number[] {
  const packets = new Float64Array(trace.devices.length);
  for (let row = 0; row < trace.packets; row++) {
    const owner = trace.device[row]!;
    if (owner < packets.length && trace.cover[row] === 0 && isPlayable(trace.flows, trace.flow[row]!))
      packets[owner]!++;
  }
  const known = [...packets.keys()].filter((row) => packets[row]! >= FEWEST_PACKETS);
  const expected = `at least ${FEWEST_PACKETS} packets of TCP or UDP that cross the gateway in the training traffic`;
  if (known.length === 0) throw new UsageError(`defense spoof: expected a device with ${expected}, found none`);
  if (device !== '') {
    const row = trace.devices.findIndex(({ name }) => name === device);
    const names = known.map((one) => trace.devices[one]!.name);
    if (row < 0) {
      throw new UsageError(
        `defense spoof: device: expected one of ${names.join(', ')}, found "${device}"${suggestion(device, names)}`,
      );
    }
    if (!known.includes(row)) {
      throw new UsageError(`defense spoof: device: expected ${expected}, found ${packets[row]} of "${device}"`);
    }
    return new Array<number>(devices).fill(row);
  }
  // Each another one, until all have been chosen.
  const chosen: number[] = [];
  for (let rest: number[] = []; chosen.length < devices; ) {
    if (rest.length === 0) rest = [...known];
    chosen.push(...rest.splice(rng.integer(0, rest.length - 1), 1));
  }
  return chosen;
}

function learn(trace: Trace, device: number, stretch: number): Model {
  const recording = recordingOf(trace, (row) => trace.device[row] === device && trace.cover[row] === 0);
  const stretches: { number: number; from: number; to: number }[] = [];
  for (let row = 0; row < recording.packets; row++) {
    const number = Math.floor(recording.time[row]! / stretch);
    const last = stretches.at(-1);
    if (last?.number === number) last.to = row + 1;
    else stretches.push({ number, from: row, to: row + 1 });
  }
  return { recording, stretches };
}

/** Comes, is there for a stretch, goes, and comes again. */
function* falseDevice(stage: Stage, { recording, stretches }: Model, { stretch, share }: Parameters): Task {
  const away = (stretch * (1 - share)) / share;
  for (let at = stage.link.now; ; at += stretch) {
    if (away > 0) at += stage.link.rng.exponential(away);
    yield at;
    const { number, from, to } = stretches[stage.link.rng.integer(0, stretches.length - 1)]!;
    yield* replay(stage, recording, from, to, at - number * stretch);
  }
}

/**
 * Devices that are not there. Each false device plays what a device of this home did in the training traffic: a stretch of it
 * at a time, with the times, lengths, directions, protocols and ports that its packets had, in new flows. The stretch is drawn from
 * those in which the device sent anything; between two the false device is away, for an exponential time. Which devices are
 * played is drawn once, before the first packet, and nothing is learned later.
 *
 * Peek-a-Boo injects the traffic of false activities so that real ones do not stand out; this does it for whole devices, so
 * that what is heard says less of what is there. It does not make a real device less like itself: its packets are named as well as
 * before, but so are those of its double. A stretch begins and ends in the midst of connections, which shows to who follows
 * TCP; flows of other transports than TCP and UDP, and what stays in the home, are not played. Somebody must answer: the far end
 * of a tunnel, or hosts of one's own.
 */
export default defineDefense({
  name: 'spoof',
  summary: "Plays false devices: stretches of this home's own earlier traffic, in new flows, at random times.",
  source: 'Acar et al. (Peek-a-Boo), arXiv 1808.02741; by whole devices is our choice',
  scope: 'home',
  removedAt: 'tunnel end',
  separableCover: true,
  notLive: 'its cover is conversations, both directions of them, and each end would make up others than the other end',
  parameters,
  neutral: { devices: 0 },
  prepare(given, { trace, rng }): readonly Model[] {
    if (given.devices === 0) return [];
    if (!trace) throw new UsageError('defense spoof: expected training traffic to learn from, found none');
    const learned = new Map<number, Model>();
    return chooseDevices(given, trace, rng).map((device) => {
      const model = learned.get(device) ?? learn(trace, device, given.stretch);
      learned.set(device, model);
      return model;
    });
  },
  create: (given, models) =>
    createStage((stage) => {
      for (const model of models) stage.start(falseDevice(stage, model, given), stage.link.now);
    }),
});
