import type { Rng } from '../shared/rng.js';

/**
 * Acts of the people of the home that devices respond to, in times an hour when all are up and at home. One act may concern
 * several devices: switching a plug from a phone makes traffic at both. Our choice.
 */
const ACTS = {
  'ask Echo': 5,
  'ask Google': 4,
  'ask Tmall': 4,
  'play music': 0.5,
  'play radio': 0.4,
  'play a song on Tmall': 0.5,
  'tell a story': 0.7,
  'walk past the 360 camera': 6,
  'walk past the Xiaobai camera': 5,
  'watch the 360 camera': 0.5,
  'watch the Xiaobai camera': 0.4,
  'open a door': 8,
  'switch the TP-Link plug': 2.5,
  'switch the Orvibo plug': 2,
  'switch the Broadlink plug': 2,
} as const;

export type Act = keyof typeof ACTS;

/**
 * Share of full activity in each hour of the day (UTC is the home's local time): asleep until six, out from nine to four, at home in the
 * evening. Our choice.
 */
export const DAY_RHYTHM: readonly number[] = [
  0.15, 0.06, 0.04, 0.04, 0.04, 0.1, 0.4, 0.8, 0.7, 0.4, 0.3, 0.35, 0.5, 0.4, 0.3, 0.35, 0.5, 0.7, 0.9, 1, 1, 0.95, 0.7,
  0.4,
];

/**
 * Times in [from, to) of a Poisson process of `perHour` times the day rhythm, drawn in order, so a longer span begins with the times
 * of a shorter one.
 */
export function happenings(rng: Rng, perHour: number, from: number, to: number): number[] {
  const times: number[] = [];
  // Thinning: draw at the highest rate (rhythm 1), keep each time with the rhythm's probability.
  for (let time = from; ; ) {
    time += rng.exponential(3600 / perHour);
    if (time >= to) return times;
    const hour = Math.floor(time / 3600) % 24;
    if (rng.uniform() < DAY_RHYTHM[hour]!) times.push(time);
  }
}

export type Household = (act: Act) => readonly number[];

/** The times of each act, the same for every device that responds to it. */
export function createHousehold(rng: Rng, from: number, to: number): Household {
  const drawn = new Map<Act, number[]>();
  return (act) => {
    let times = drawn.get(act);
    if (!times) {
      times = happenings(rng.stream(act), ACTS[act], from, to);
      drawn.set(act, times);
    }
    return times;
  };
}
