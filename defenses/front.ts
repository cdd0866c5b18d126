import { z } from 'zod';
import { createPast } from '../src/shaping/kit/past.js';
import { createTasks, type Task } from '../src/shaping/kit/tasks.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { Direction } from '../src/trace/trace.js';

const parameters = z
  .object({
    client: z.int().min(0).max(5000).default(1700).describe('outbound cover packets of an activity: 1 to so many'),
    server: z.int().min(0).max(5000).default(1700).describe('inbound cover packets of an activity: 1 to so many'),
    minWindow: z.number().min(0.01).max(600).default(1).describe('seconds: shortest window'),
    maxWindow: z.number().min(0.01).max(600).default(14).describe('seconds: longest window, at which cover is densest'),
    idle: z.number().min(1).max(86_400).default(30).describe('seconds of silence after which an activity begins'),
    per: z.enum(['device', 'home']).default('device').describe('whose activity: of each device, or of all together'),
  })
  .refine(({ minWindow, maxWindow }) => minWindow <= maxWindow, {
    path: ['minWindow'],
    error: ({ input }) => `expected at most maxWindow, which is ${(input as { maxWindow: number }).maxWindow}`,
  });

/**
 * FRONT hides the beginning of a page load, where most of what tells pages apart is. A home's stream has no end and no pages:
 * here an **activity** begins with a real packet after `idle` seconds without one. Each side (outbound the paper's client,
 * inbound its server) begins with its first packet in it, draws n of U{1..N} and a window w of U(minWindow, maxWindow), and
 * sends n cover packets at times that are Rayleigh distributed with scale w, whatever real packets do meanwhile. Windows and
 * numbers are the paper's FT-1700; FT-2500 is `client=2500,server=2500`. Both are made for page loads of some thousand
 * packets; for a device that sends a heartbeat a minute they are most of its traffic.
 *
 * The paper's cover are Tor cells of one size. Here each looks like one of the last 256 real packets of its side; with
 * `pad:rule=mtu+front` all are of one size again. Cover that is due when the input ends is not sent, as in the authors' simulation.
 */
export default defineDefense({
  name: 'front',
  summary: 'Covers the beginning of each activity with packets at Rayleigh times, their number drawn anew each time.',
  source: 'Gong and Wang, "Zero-delay Lightweight Defenses against Website Fingerprinting", USENIX Security 2020',
  scope: ({ per }) => per,
  removedAt: 'tunnel end',
  parameters,
  neutral: { client: 0, server: 0 },
  create({ client, server, minWindow, maxWindow, idle }) {
    const past = createPast();
    const tasks = createTasks();
    const isCovered = [false, false];
    let last = Number.NEGATIVE_INFINITY;

    function* side(direction: Direction, most: number): Task {
      const { rng, now: start } = tasks.link;
      const window = minWindow + rng.uniform() * (maxWindow - minWindow);
      // The times in their order, one after another: the logarithm of the share that is still to come (Rényi 1953).
      let toCome = 0;
      for (let left = rng.integer(1, most); left > 0; left--) {
        toCome -= rng.exponential(1 / left);
        yield start + window * Math.sqrt(-2 * toCome);
        if (!past.has(direction)) continue;
        const like = past.draw(direction, rng)!;
        tasks.link.cover(direction, like.length, like);
      }
    }

    return {
      packet(p, link) {
        if (link.now - last >= idle) isCovered.fill(false);
        last = link.now;
        past.remember(p);
        link.send(p, p.length);
        const most = p.direction === Direction.OUTBOUND ? client : server;
        if (isCovered[p.direction] || most === 0) return;
        isCovered[p.direction] = true;
        tasks.add(side(p.direction, most), link.now);
        tasks.run(link);
      },
      wake: tasks.run,
      close: (link) => link.wakeAt(Number.POSITIVE_INFINITY),
    };
  },
});
