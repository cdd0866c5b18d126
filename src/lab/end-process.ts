/**
 * A process of the lab: one end of the live tunnel, in the namespace where it is started. Its log of all that came in and went out
 * is the ground truth, which an observer between the ends does not have.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { prepareAll } from '../harness/plugins/registry.js';
import { openTunnelEnd, type TunnelEnd } from '../live/tunnel/end.js';
import type { Place } from '../live/tunnel/sockets.js';
import type { TunnelStatistics } from '../live/tunnel/statistics.js';
import type { ResolvedDefense } from '../result/result.js';
import { describeThrown, InputError } from '../shared/errors.js';
import { createRng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';
import { createEndLog } from './end-log.js';

export interface EndOrder {
  readonly listen: Place;
  readonly peer?: Place;
  readonly forward?: Place;
  /** Secret of the tunnel, in hexadecimal. */
  readonly secret: string;
  readonly defense: ResolvedDefense;
  readonly plugins: readonly string[];
  /** File with the traffic that a defense learns from, serialized by v8; null for none. */
  readonly training: string | null;
  readonly seed: number;
  readonly mtu: number;
  readonly speed: number;
  readonly queue: number;
  /** File that the log is written to at the end. */
  readonly log: string;
}

export type EndMessage = { readonly type: 'held' } | { readonly type: 'stop' };
export type EndReport =
  | { readonly type: 'ready' }
  | { readonly type: 'held'; readonly bytes: number }
  | { readonly type: 'report'; readonly statistics: TunnelStatistics }
  | { readonly type: 'failed'; readonly message: string };

/** Seconds to wait for the first session. */
const OPENING_TIMEOUT = 20;

const send = (report: EndReport, then?: () => void) => process.send!(report, undefined, {}, then);

process.once('message', async (order: EndOrder) => {
  try {
    const registry = await loadPlugins(order.plugins);
    const trace = order.training === null ? null : (deserialize(readFileSync(order.training)) as Trace);
    // Both ends draw the same numbers here, since in the simulation one shaper serves both.
    const rng = createRng(order.seed, 'prepare', order.defense.label);
    const defenses = await prepareAll(order.defense, { trace, rng }, registry);
    const log = createEndLog();
    const { listen, peer, forward, mtu, speed, queue } = order;
    const end: TunnelEnd = await openTunnelEnd({
      ...{ listen, peer, forward, mtu, speed, queue, defenses },
      secret: Buffer.from(order.secret, 'hex'),
      onTaken: log.taken,
      onSent: log.sent,
    });
    end.failure.catch((thrown) => send({ type: 'failed', message: describeThrown(thrown) }));
    process.on('message', (message: EndMessage) => {
      if (message.type === 'held') return send({ type: 'held', bytes: end.statistics().held });
      const statistics = end.statistics();
      end.close();
      writeFileSync(order.log, serialize(log.columns()));
      send({ type: 'report', statistics }, () => process.exit(0));
    });
    if (order.peer) await isOpen(end);
    send({ type: 'ready' });
  } catch (thrown) {
    send({ type: 'failed', message: describeThrown(thrown) });
  }
});

/** Waits for the first session, which takes some milliseconds where the far end is listening. */
async function isOpen(end: TunnelEnd): Promise<void> {
  const isLate = pause(OPENING_TIMEOUT * 1000, true, { ref: false });
  if (await Promise.race([end.opening, end.failure, isLate])) throw new InputError('the far end does not answer');
}

process.once('disconnect', () => process.exit(0));
