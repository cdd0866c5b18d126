import type { Spread } from '../../result/result.js';
import type { PeerStatistics, Refusal } from './peer.js';

/** Quantiles of the latest values. */
export interface Quantiles {
  add(value: number): void;
  /** Returns p50, p95 and p99 of the last `room` values, and max of all values. */
  spread(): Spread;
}

export function createQuantiles(room = 1 << 14): Quantiles {
  const values = new Float64Array(room);
  let count = 0;
  let max = Number.NEGATIVE_INFINITY;
  return {
    add(value) {
      values[count++ % room] = value;
      if (value > max) max = value;
    },
    spread() {
      if (count === 0) return { p50: null, p95: null, p99: null, max: null };
      const sorted = values.slice(0, Math.min(count, room)).sort();
      // Quantiles by nearest rank.
      const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
      return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max };
    },
  };
}

/** Activity of an end since it was opened. Bytes of frames are counted as an observer counts them. */
export interface TunnelStatistics {
  readonly seconds: number;
  /** Datagrams of the VPN taken in here, and delivered here. */
  readonly taken: Count;
  readonly delivered: Count;
  /** Frames sent and received, and the cover among them. */
  readonly sent: FrameCount;
  readonly received: FrameCount;
  /** Seconds by which frames left after their planned time. */
  readonly late: Spread;
  /** Seconds by which the time between two frames differed from the planned one. */
  readonly spacing: Spread;
  /** Bytes that wait in the shapers. */
  readonly held: number;
  /** Datagrams lost here, by reason. */
  readonly lost: {
    /** Lost because the queue was full. */
    readonly overflow: number;
    /** Dropped by the defense. */
    readonly dropped: number;
    /** Parts of them never arrived. */
    readonly incomplete: number;
    /** Empty or too long to carry. */
    readonly unfit: number;
    /** Undeliverable, as the VPN at this end has not sent anything yet, so that its address is unknown. */
    readonly undeliverable: number;
    /** Waited too long for a session with the other end. */
    readonly waited: number;
  };
  /** Frames that arrived and were refused, by reason. */
  readonly refused: Readonly<Record<Refusal | 'malformed', number>>;
  /** Frames not sent as planned: longer, since their content did not fit; cut, since they exceeded the MTU. */
  readonly longer: number;
  readonly cut: number;
  /** Frames that were not sent, or sent without their content, for lack of a session; frames that the system refused. */
  readonly unsent: number;
  readonly failed: number;
  /** Times that the clock was more than 250 ms late and the plan was moved. */
  readonly stalls: number;
  readonly session: PeerStatistics;
  /** Starts of the other end noticed so far. */
  readonly sessions: number;
}

interface Count {
  readonly datagrams: number;
  readonly bytes: number;
}

interface FrameCount {
  readonly frames: number;
  readonly cover: number;
  readonly bytes: number;
}
