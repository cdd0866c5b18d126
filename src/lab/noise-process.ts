/**
 * `homeveil noise` as a separate process, for a parent that starts it in another network namespace with a channel. The parent sends one
 * `Order`, then `{ type: 'stop' }`; the process sends `Notice`s. The system resolves names, by the namespace's resolv.conf. The process
 * ends when its parent does.
 */

import type { NoiseConfig } from '../noise/config.js';
import type { NoiseTotals } from '../noise/events.js';
import { runNoise } from '../noise/run.js';
import { describeThrown } from '../shared/errors.js';
import { type HomeClock, hoursOf } from './noise.js';

export interface Order {
  readonly config: NoiseConfig;
  /** Further trusted certificates, in PEM. */
  readonly ca: string;
  /** Clock for `activeHours` and for the pace of reading; the real clock, in UTC, by default. */
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
// Ctrl-C in a terminal reaches the children too; only the parent acts on it.
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
  // A pending look-up would keep the process alive.
  process.exit();
});
