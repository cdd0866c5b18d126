import type { Spread } from '../../result/result.js';
import type { PeerStatistics, Refusal } from './peer.js';

/** Quantiles of the values added last. */
export interface Quantiles {
  add(value: number): void;
  /** p50, p95 and p99 are of the last `room` values, max is of all. */
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
      // The nearest rank.
      const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
      return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max };
    },
  };
}

/** What an end has done since it was opened. Bytes of frames are of frames as an observer counts them. */
export interface TunnelStatistics {
  readonly seconds: number;
  /** Datagrams of the VPN, and their bytes: taken in here, and delivered here. */
  readonly taken: Count;
  readonly delivered: Count;
  /** Frames, and how many of them carried nothing. */
  readonly sent: FrameCount;
  readonly received: FrameCount;
  /** Seconds by which frames left after the time they were planned for. */
  readonly late: Spread;
  /** Seconds by which the time between two frames differed from the plan. */
  readonly spacing: Spread;
  /** Bytes that wait in the shapers. */
  readonly held: number;
  /** Datagrams lost here, by reason. */
  readonly lost: {
    /** The queue was full. */
    readonly overflow: number;
    /** The defense gave them up. */
    readonly dropped: number;
    /** Parts of them never came. */
    readonly incomplete: number;
    /** Without a byte, or too long: neither is carried. */
    readonly unfit: number;
    /** The VPN of this end has not said yet where it is. */
    readonly undeliverable: number;
    /** No session with the other end came in time. */
    readonly waited: number;
  };
  /** Frames that came and were refused, by reason. */
  readonly refused: Readonly<Record<Refusal | 'malformed', number>>;
  /** Frames that left otherwise than planned: longer, for what they carry did not fit; cut, for they were over the MTU. */
  readonly longer: number;
  readonly cut: number;
  /** Frames that went nowhere, or left without what they were to carry, since there was no session; frames that the system refused. */
  readonly unsent: number;
  readonly failed: number;
  /** Times at which the clock was more than 250 ms late, and the plan was moved. */
  readonly stalls: number;
  readonly session: PeerStatistics;
  /** Starts of the other end that were seen. */
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
