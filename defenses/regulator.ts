import { z } from 'zod';
import { createQueue, framesFor } from '../src/shaping/kit/queue.js';
import { frameSize } from '../src/shaping/kit/slots.js';
import { createTasks, type Task } from '../src/shaping/kit/tasks.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { integer, number, rate, seconds } from '../src/shared/units.js';
import { Direction } from '../src/trace/trace.js';

/** Frames a second below which the rate does not fall, as in the published code. */
const LOWEST_RATE = 1;

/** Rate of a surge in frames a second, and time of its k-th slot, both `t` seconds from its start. */
function surgeOf({ rate, decay }: { readonly rate: number; readonly decay: number }) {
  // The integral of R exp(-lambda t) is the number of slots; solved for the time, so that no error adds up.
  const lambda = -Math.log(decay);
  const slots = lambda === 0 ? Number.POSITIVE_INFINITY : (rate - LOWEST_RATE) / lambda;
  const seconds = Math.log(rate / LOWEST_RATE) / lambda;
  return {
    rateAt: (t: number): number => Math.max(LOWEST_RATE, rate * decay ** t),
    timeOf(k: number): number {
      if (lambda === 0) return k / rate;
      return k <= slots ? -Math.log1p((-k * lambda) / rate) / lambda : seconds + (k - slots) / LOWEST_RATE;
    },
  };
}

/** RegulaTor: frames to the home at a rate that decays after each surge; frames from it in turn with those. */
export default defineDefense({
  name: 'regulator',
  summary: 'Frames to the home at a rate that decays after each surge, and one from it for every few of them.',
  source: 'Holland and Hopper, RegulaTor, PETS 2022; regulator_sim.py of its published code',
  scope: ['home', 'device'],
  removedAt: 'tunnel end',
  parameters: z.object({
    size: frameSize(600, 'of every frame; 600: about one Tor cell on the wire'),
    rate: rate('frames a second', [1, 1000], 277, 'to the home at the start of a surge (R)'),
    decay: number([0.01, 1], 0.94, 'D: after t seconds of a surge the rate is R D^t, at least 1'),
    threshold: seconds([0, 1000], 3.55, 'of frames, at the rate of the moment, above which a surge begins anew (T)'),
    budget: integer([0, 10_000], 3550, 'N: an activity has 0 to N cover frames to the home, drawn uniformly'),
    ratio: number([0.5, 1000], 3.95, 'U: one frame from the home for so many to it'),
    cap: seconds([0, 60], 1.77, 'that a packet from the home waits at most (C)'),
  }),
  create(given) {
    const { size, threshold, budget, ratio, cap } = given;
    const { rateAt, timeOf } = surgeOf(given);
    const down = createQueue();
    const up = createQueue();
    const tasks = createTasks();
    /** Frames that wait to leave for the home. */
    let backlog = 0;
    let isActive = false;

    function* activity(): Task {
      const { link } = tasks;
      let cover = link.rng.integer(0, budget);
      let downs = 0;
      let ups = 0;
      let start = link.now;
      for (let slot = 0; ; slot++) {
        yield start + timeOf(slot);
        const { link } = tasks;
        if (backlog > threshold * rateAt(link.now - start)) {
          start = link.now;
          slot = 0;
        }
        if (backlog > 0) {
          down.send(link, size);
          backlog--;
          downs++;
        } else if (cover > 0) {
          link.cover(Direction.INBOUND, size);
          cover--;
          downs++;
        } else if (up.packets === 0) {
          break;
        }
        for (; (ups + 1) * ratio <= downs; ups++) if (!up.send(link, size)) link.cover(Direction.OUTBOUND, size);
      }
      isActive = false;
    }

    /** Sends what has waited for C. */
    function* sendLate(): Task {
      yield tasks.link.now + cap;
      while (up.since + cap <= tasks.link.now) up.send(tasks.link, size);
    }

    return {
      packet(p, link) {
        if (p.direction === Direction.INBOUND) {
          down.push(p);
          backlog += framesFor(p, size);
        } else {
          up.push(p, link.now);
          tasks.add(sendLate(), link.now);
        }
        if (!isActive) tasks.add(activity(), link.now);
        isActive = true;
        tasks.run(link);
      },
      wake: tasks.run,
    };
  },
});
