import { z } from 'zod';
import { type Recording, recordingOf, replay } from '../src/shaping/kit/recording.js';
import { createStage, NOT_LIVE, type Stage } from '../src/shaping/kit/stage.js';
import type { Task } from '../src/shaping/kit/tasks.js';
import {
  createHost,
  createLine,
  DEAD_END,
  drawObjects,
  type Host,
  LEAVES_SITE,
  type Line,
  loadPage,
} from '../src/shaping/kit/web.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { InputError, UsageError } from '../src/shared/errors.js';
import { atMost, integer, number, seconds } from '../src/shared/units.js';

const parameters = z
  .object({
    users: integer([0, 8], 1, 'browsers at once'),
    minPause: seconds([1, 3600], 3, 'from a loaded page to the next, at least'),
    maxPause: seconds([1, 3600], 6, 'from a loaded page to the next, at most'),
    depth: integer([1, 1000], 25, 'links followed from a start page, at most'),
    objects: integer(
      [0, 100],
      2,
      'objects loaded with a page, median: 0 the document alone, as 1tayH/noisy; 70 an average web page',
    ),
    bandwidth: number([0.1, 20], 10, 'Mbit/s downstream that all of it takes, at most'),
    budget: number(
      [1, 1e6],
      4000,
      "MB a day, at most, in both directions; never more than an hour's worth ahead of the clock",
    ),
    hours: z
      .string()
      .regex(/^([01]?\d|2[0-4])-([01]?\d|2[0-4])$/, { error: 'expected hours of the day, from-to, such as 7-23' })
      .default('0-24')
      .describe('hours of the day (UTC) in which pages are loaded, from-to; 22-6 is by night'),
    capture: z
      .string()
      .default('')
      .describe('a capture to play in a loop in place of browsing; of the other parameters only users counts then'),
  })
  .check(atMost('minPause', 'maxPause'));

type Parameters = z.output<typeof parameters>;

const HOUR = 3600;
const DAY = 86_400;

/** The first moment at or after `time` that lies between `from` and `to`, seconds of the day; equal ones are a whole day. */
function openFrom(time: number, [from, to]: readonly [number, number]): number {
  const length = (to - from + DAY) % DAY || DAY;
  const since = (((time - from) % DAY) + DAY) % DAY;
  return since < length ? time : time - since + DAY;
}

/** Walks from page to page, one at a time. */
function browse(stage: Stage, line: Line, given: Parameters): void {
  const { minPause, maxPause, depth, objects, hours, budget } = given;
  const open = hours.split('-').map((hour) => Number(hour) * HOUR) as [number, number];
  const began = stage.link.now;
  const rate = (budget * 1e6) / DAY;
  let host: Host | null = null;
  let steps = 0;

  function* visit(): Task {
    const { rng } = stage.link;
    const isEnd = steps === depth || rng.uniform() < DEAD_END;
    steps = isEnd ? 0 : steps + 1;
    if (!host || isEnd || rng.uniform() < LEAVES_SITE) host = createHost(rng);
    yield* loadPage(stage, line, host, drawObjects(rng, objects), later);
  }

  /** Starts the next visit after a pause, which hours and budget may prolong. */
  function later(): void {
    const { rng, now } = stage.link;
    const rested = now + minPause + rng.uniform() * (maxPause - minPause);
    const afforded = began + stage.bytes / rate - HOUR;
    stage.start(visit(), openFrom(Math.max(rested, afforded), open));
  }

  stage.start(visit(), openFrom(began + stage.link.rng.uniform() * maxPause, open));
}

/** Plays a recording from a random packet to its end, then from its beginning, again and again; each round opens new flows. */
function* loop(stage: Stage, recording: Recording): Task {
  const { packets, time } = recording;
  const length = time[packets - 1]!;
  // The last packet and the first of the next round are a mean interval apart; no round is shorter than a second.
  const round = Math.max(1, length + length / packets);
  let from = stage.link.rng.integer(0, packets - 1);
  for (let shift = stage.link.now - time[from]!; ; shift += round) {
    yield* replay(stage, recording, from, packets, shift);
    from = 0;
  }
}

/** Each user walks at random from page to page, as 1tayH/noisy does with its min_sleep, max_sleep and max_depth. */
export default defineDefense({
  name: 'noise',
  summary: 'Mixes browsing into the home: pages loaded at random all day, or a recorded capture in a loop.',
  source: 'github.com/1tayH/noisy; sizes: HTTP Archive, Web Almanac 2024',
  scope: 'home',
  removedAt: 'nowhere',
  separableCover: true,
  notLive: NOT_LIVE,
  browsing(given) {
    if (given.capture === '') return given;
    throw new UsageError(
      `defense noise: cannot run live: capture=${given.capture}: servers have no part of a recording to play`,
    );
  },
  parameters,
  neutral: { users: 0 },
  async prepare({ capture }): Promise<Recording | null> {
    if (capture === '') return null;
    // Most runs name no capture: what reads them is loaded for those that do.
    const { loadTrace } = await import('../src/trace/load.js');
    const recording = recordingOf((await loadTrace([capture], null)).trace);
    if (recording.packets > 0) return recording;
    throw new InputError(
      `defense noise: capture: ${capture}: expected packets of TCP or UDP that cross the gateway, found none`,
    );
  },
  create: (given, recording) =>
    createStage((stage) => {
      const line = createLine((given.bandwidth * 1e6) / 8);
      for (let user = 0; user < given.users; user++) {
        if (recording) stage.start(loop(stage, recording), stage.link.now);
        else browse(stage, line, given);
      }
    }),
});
