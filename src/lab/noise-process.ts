/**
 * `homeveil noise` as a process of its own, for a parent that starts it with a channel to it, in another network namespace. It is sent one
 * `Order`, then `{ type: 'stop' }`; it sends `Notice`s. Names are resolved by the system, that is by the namespace's resolv.conf. Without
 * its parent it ends.
 */

import type { NoiseConfig } from '../noise/config.js';
import type { NoiseTotals } from '../noise/events.js';
import { runNoise } from '../noise/run.js';
import { describeThrown } from '../shared/errors.js';
import { type HomeClock, hoursOf } from './noise.js';

export interface Order {
  readonly config: NoiseConfig;
  /** Certificates that are trusted besides, in PEM. */
  readonly ca: string;
  /** For `activeHours`, and for how fast pages are read; the real clock, UTC, where there is none. */
  readonly clock?: HomeClock;
}

export type Notice =
  | { readonly type: 'ready' }
  | { readonly type: 'totals'; readonly totals: NoiseTotals }
  | { readonly type: 'error'; readonly problem: string };

const stop = new AbortController();
const send = (notice: Notice) =>
  new Promise<void>((resolve) => {
    if (!process.connected) return resolve();
    process.send!(notice, undefined, undefined, () => resolve());
  });

process.once('disconnect', () => stop.abort());
// What ends a parent at a terminal is not for its children to answer.
process.on('SIGINT', () => {});
process.once('message', async ({ config, ca, clock = { at: 0, showed: 0, speed: 1 } }: Order) => {
  process.on('message', ({ type }: { type: string }) => {
    if (type === 'stop') stop.abort();
  });
  try {
    const totals = await runNoise(config, {
      signal: stop.signal,
      ca,
      local: hoursOf(clock),
      speed: clock.speed,
      onEvent: ({ type }) => {
        if (type === 'start') void send({ type: 'ready' });
      },
    });
    await send({ type: 'totals', totals });
  } catch (error) {
    await send({ type: 'error', problem: describeThrown(error) });
    process.exitCode = 1;
  }
  // A look-up that is under way would keep it alive.
  process.exit();
});
