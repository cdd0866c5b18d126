import { z } from 'zod';
import {
  isPlayable,
  type Recording,
  recordingOf,
  replay,
  requireTraining,
  type Stretch,
  stretchesOf,
} from '../src/shaping/kit/recording.js';
import { createStage, NOT_LIVE, type Stage } from '../src/shaping/kit/stage.js';
import type { Task } from '../src/shaping/kit/tasks.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { suggestion, UsageError } from '../src/shared/errors.js';
import type { Rng } from '../src/shared/rng.js';
import { integer, seconds, share } from '../src/shared/units.js';
import type { Trace } from '../src/trace/trace.js';

/** The training traffic of a real device, for a false one to play. */
interface Model {
  readonly recording: Recording;
  readonly stretches: readonly Stretch[];
}

/** Packets that cross the gateway: a device with fewer in the training traffic has no pattern to learn. */
const FEWEST_PACKETS = 10;

/** The rows of `trace.devices` to play, one for each of `count` false devices; `name` '' draws each. */
function chooseDevices(count: number, name: string, trace: Trace, rng: Rng): number[] {
  const packets = new Float64Array(trace.devices.length);
  for (let row = 0; row < trace.packets; row++) {
    const owner = trace.device[row]!;
    if (owner < packets.length && trace.cover[row] === 0 && isPlayable(trace.flows, trace.flow[row]!))
      packets[owner]!++;
  }
  const known = [...packets.keys()].filter((row) => packets[row]! >= FEWEST_PACKETS);
  const expected = `at least ${FEWEST_PACKETS} packets of TCP or UDP that cross the gateway in the training traffic`;
  if (known.length === 0) throw new UsageError(`defense spoof: expected a device with ${expected}, found none`);
  if (name === '') return drawInTurn(known, count, rng);
  const row = trace.devices.findIndex((device) => device.name === name);
  if (row < 0) {
    const names = known.map((one) => trace.devices[one]!.name);
    throw new UsageError(
      `defense spoof: device: expected one of ${names.join(', ')}, found "${name}"${suggestion(name, names)}`,
    );
  }
  if (!known.includes(row))
    throw new UsageError(`defense spoof: device: expected ${expected}, found ${packets[row]} of "${name}"`);
  return new Array<number>(count).fill(row);
}

/** `count` of `rows` by chance: each another one, until all have been drawn. */
function drawInTurn(rows: readonly number[], count: number, rng: Rng): number[] {
  const drawn: number[] = [];
  for (let rest: number[] = []; drawn.length < count; ) {
    if (rest.length === 0) rest = [...rows];
    drawn.push(...rest.splice(rng.integer(0, rest.length - 1), 1));
  }
  return drawn;
}

function learn(trace: Trace, device: number, stretch: number): Model {
  const recording = recordingOf(trace, (row) => trace.device[row] === device && trace.cover[row] === 0);
  return { recording, stretches: stretchesOf(recording, stretch) };
}

/** A device that stays away for an exponential time, plays a stretch drawn from its recording, and begins again. */
function* falseDevice(stage: Stage, { recording, stretches }: Model, stretch: number, share: number): Task {
  const away = (stretch * (1 - share)) / share;
  for (let at = stage.link.now; ; at += stretch) {
    if (away > 0) at += stage.link.rng.exponential(away);
    yield at;
    const { number, from, to } = stretches[stage.link.rng.integer(0, stretches.length - 1)]!;
    yield* replay(stage, recording, from, to, at - number * stretch);
  }
}

/** Plays devices that are not there. Which real devices they imitate is drawn once, before the first packet. */
export default defineDefense({
  name: 'spoof',
  summary: "Plays false devices: stretches of this home's own earlier traffic, in new flows, at random times.",
  source: 'Acar et al. (Peek-a-Boo), arXiv 1808.02741; by whole devices is our choice',
  scope: 'home',
  removedAt: 'tunnel end',
  separableCover: true,
  notLive: NOT_LIVE,
  parameters: z.object({
    devices: integer([0, 64], 2, 'false devices'),
    device: z
      .string()
      .default('')
      .describe('name of the device that all of them play; empty: each another one, drawn by chance'),
    share: share(0.5, 'of the time that a false device is there', [0.01, 1]),
    stretch: seconds([1, 86_400], 300, 'that it is there without a break'),
  }),
  neutral: { devices: 0 },
  prepare({ devices, device, stretch }, training): readonly Model[] {
    if (devices === 0) return [];
    const trace = requireTraining('spoof', training);
    const models = new Map<number, Model>();
    return chooseDevices(devices, device, trace, training.rng).map((row) => {
      const model = models.get(row) ?? learn(trace, row, stretch);
      models.set(row, model);
      return model;
    });
  },
  create: ({ stretch, share }, models) =>
    createStage((stage) => {
      for (const model of models) stage.start(falseDevice(stage, model, stretch, share), stage.link.now);
    }),
});
