import { z } from 'zod';
import { type Recording, recordingOf, replay } from '../src/shaping/kit/recording.js';
import { createStage, type Stage } from '../src/shaping/kit/stage.js';
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

const parameters = z
  .object({
    users: z.int().min(0).max(8).default(1).describe('browsers at once'),
    minPause: z.number().min(1).max(3600).default(3).describe('seconds from a loaded page to the next, at least'),
    maxPause: z.number().min(1).max(3600).default(6).describe('seconds from a loaded page to the next, at most'),
    depth: z.int().min(1).max(1000).default(25).describe('links followed from a start page, at most'),
    objects: z
      .int()
      .min(0)
      .max(100)
      .default(2)
      .describe('objects loaded with a page, median: 0 the document alone, as 1tayH/noisy; 70 an average web page'),
    bandwidth: z.number().min(0.1).max(20).default(10).describe('Mbit/s downstream that all of it takes, at most'),
    budget: z
      .number()
      .min(1)
      .max(1e6)
      .default(4000)
      .describe("MB a day, at most, in both directions; never more than an hour's worth ahead of the clock"),
    hours: z
      .string()
      .regex(/^([01]?\d|2[0-4])-([01]?\d|2[0-4])$/, { error: 'expected hours of the day, from-to, such as 7-23' })
      .default('0-24')
      .describe('hours of the day (UTC) in which pages are loaded, from-to; 22-6 is by night'),
    capture: z
      .string()
      .default('')
      .describe('a capture to play in a loop in place of browsing; only users counts beside it'),
  })
  .refine(({ minPause, maxPause }) => minPause <= maxPause, {
    path: ['minPause'],
    error: ({ input }) => `expected at most maxPause, which is ${(input as { maxPause: number }).maxPause}`,
  });

type Parameters = z.output<typeof parameters>;

const HOUR = 3600;
const DAY = 86_400;

/** The first moment from `time` on that lies in the hours `from` to `to` of a day; equal hours are a whole day. */
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

  /** After a pause, unless the hours or the budget want a longer one. */
  function later(): void {
    const { rng, now } = stage.link;
    const rested = now + minPause + rng.uniform() * (maxPause - minPause);
    const afforded = began + stage.bytes / rate - HOUR;
    stage.start(visit(), openFrom(Math.max(rested, afforded), open));
  }

  stage.start(visit(), openFrom(began + stage.link.rng.uniform() * maxPause, open));
}

/** Plays a recording from anywhere in it to its end, then from its beginning, again and again; each round has new flows. */
function* loop(stage: Stage, recording: Recording): Task {
  const { packets, time } = recording;
  const length = time[packets - 1]!;
  // From the last packet to the first: the mean interval. A recording of next to nothing comes round once a second.
  const round = Math.max(1, length + length / packets);
  let from = stage.link.rng.integer(0, packets - 1);
  for (let shift = stage.link.now - time[from]!; ; shift += round) {
    yield* replay(stage, recording, from, packets, shift);
    from = 0;
  }
}

/**
 * What a generator of browsing noise adds to a home's traffic, from the first packet to the end. Each user walks at random from
 * page to page, as 1tayH/noisy does with its min_sleep, max_sleep and max_depth: a look-up, a new TCP and TLS connection,
 * the document, a pause. noisy loads documents alone, which its users have called too small a noise; `objects` adds what a
 * page consists of, from several hosts at once (see src/shaping/kit/web.ts for sizes and where they come from).
 *
 * At the defaults it takes about 2,100 MB a day, with `objects=0` about 750, with `objects=70` as much as `budget` allows;
 * each user as much again. A `budget` of 4,000 MB a day is 120 GB a month. `capture` plays the packets of a recording
 * that cross the gateway in TCP or UDP: whose they are does not matter, so it should hold nothing but what is to be noise.
 *
 * Its flows are its own, so under NAPT an observer who separates flows by address and port sets it aside; what it does for
 * whom is measured in docs/cover-traffic.md.
 */
export default defineDefense({
  name: 'noise',
  summary: 'Mixes browsing into the home: pages loaded at random all day, or a recorded capture in a loop.',
  source: 'github.com/1tayH/noisy; sizes: HTTP Archive, Web Almanac 2024',
  scope: 'home',
  removedAt: 'nowhere',
  separableCover: true,
  notLive: 'its cover is conversations, both directions of them, and each end would make up others than the other end',
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
