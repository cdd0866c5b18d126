import { z } from 'zod';
import { createPast } from '../src/shaping/kit/past.js';
import { createTasks, type Task } from '../src/shaping/kit/tasks.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { atMost, integer, seconds } from '../src/shared/units.js';
import { Direction } from '../src/trace/trace.js';

/**
 * FRONT. An activity begins with a real packet after `idle` seconds without one; in it each direction sends n of U{1..N} cover packets at
 * times that are Rayleigh distributed with a scale of U(minWindow, maxWindow).
 */
export default defineDefense({
  name: 'front',
  summary: 'Covers the beginning of each activity with packets at Rayleigh times, their number drawn anew each time.',
  source: 'Gong and Wang, "Zero-delay Lightweight Defenses against Website Fingerprinting", USENIX Security 2020',
  scope: ['device', 'home'],
  removedAt: 'tunnel end',
  parameters: z
    .object({
      client: integer([0, 5000], 1700, 'outbound cover packets of an activity: 1 to so many'),
      server: integer([0, 5000], 1700, 'inbound cover packets of an activity: 1 to so many'),
      minWindow: seconds([0.01, 600], 1, 'of the shortest window'),
      maxWindow: seconds([0.01, 600], 14, 'of the longest window, at which cover is densest'),
      idle: seconds([1, 86_400], 30, 'of silence after which an activity begins'),
    })
    .check(atMost('minWindow', 'maxWindow')),
  neutral: { client: 0, server: 0 },
  create({ client, server, minWindow, maxWindow, idle }) {
    const past = createPast();
    const tasks = createTasks();
    const isCovered = [false, false];
    let last = Number.NEGATIVE_INFINITY;

    function* side(direction: Direction, most: number): Task {
      const { rng, now: start } = tasks.link;
      const window = minWindow + rng.uniform() * (maxWindow - minWindow);
      // The times in order, one after another: the logarithm of the share that is still to come (Rényi 1953).
      let toCome = 0;
      for (let left = rng.integer(1, most); left > 0; left--) {
        toCome -= rng.exponential(1 / left);
        yield start + window * Math.sqrt(-2 * toCome);
        past.cover(direction, tasks.link);
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
