import { Direction } from '../../trace/trace.js';
import { lengthPeriods } from '../recurrent/network.js';
import type { Windows } from '../windows.js';
import type { Shape } from './layer.js';
import type { Examples } from './train.js';

/** How windows become inputs of a network. */
export interface Encoder {
  readonly input: Shape;
  /** Writes the inputs of some windows; see {@link Examples}. */
  of(windows: Windows): Examples['inputs'];
}

/** Calls `write` for each window of `which`, with the part of `into` that is its own, which holds zeros. */
const eachWindow =
  (size: number, write: (first: number, end: number, inputs: Float32Array) => void) =>
  ({ start, count }: Windows): Examples['inputs'] =>
  (which, into) => {
    into.fill(0);
    for (let i = 0; i < which.length; i++) {
      const first = start[which[i]!]!;
      write(first, first + count[which[i]!]!, into.subarray(i * size, (i + 1) * size));
    }
  };

/**
 * The first `packets` packets of a window, 1 for one from the home and -1 for one to it, 0 after the last: Deep Fingerprinting.
 * With `timed` each is multiplied by its seconds since the window's first packet: Tik-Tok.
 */
export function directions(packets: number, timed: boolean): Encoder {
  return {
    input: { rows: 1, steps: packets, channels: 1 },
    of: (windows) =>
      eachWindow(packets, (first, end, inputs) => {
        const { direction } = windows.packets;
        const { time } = windows;
        for (let row = first; row < Math.min(end, first + packets); row++) {
          const sign = direction[row] === Direction.OUTBOUND ? 1 : -1;
          inputs[row - first] = timed ? sign * (time[row]! - time[first]!) : sign;
        }
      })(windows),
  };
}

/**
 * Traffic in slots of time since a window's first packet: row 0 from the home, row 1 to it; channel 0 packets, channel 1 hundreds of
 * bytes, both as log2(1 + x), since homes are silent and busy by turns. What comes after the last slot counts in it. A traffic
 * aggregation matrix in Robust Fingerprinting, which counts packets alone.
 */
export function trafficSlots(slots: number, seconds: number): Encoder {
  const channels = 2;
  const size = 2 * slots * channels;
  return {
    input: { rows: 2, steps: slots, channels },
    of: (windows) =>
      eachWindow(size, (first, end, inputs) => {
        const { direction, length } = windows.packets;
        const { time } = windows;
        for (let row = first; row < end; row++) {
          const slot = Math.min(slots - 1, Math.floor(((time[row]! - time[first]!) * slots) / seconds));
          const at = ((direction[row] === Direction.OUTBOUND ? 0 : slots) + slot) * channels;
          inputs[at]! += 1;
          inputs[at + 1]! += length[row]! / 100;
        }
        for (let i = 0; i < size; i++) inputs[i] = Math.log2(1 + inputs[i]!);
      })(windows),
  };
}

/** Seconds, about the resolution of captures; keeps the logarithm of 0 finite. */
const INTERVAL_FLOOR = 1e-6;

/**
 * The first `packets` packets of a window, each as 1 (0 after the last packet), 1 from the home and -1 to it, the length in units of 1500
 * bytes, the logarithm of the seconds since the packet before, and waves of the length: see encodePackets of the recurrent networks.
 */
export function packetNumbers(packets: number): Encoder {
  const channels = 4 + 2 * lengthPeriods.length;
  return {
    input: { rows: 1, steps: packets, channels },
    of: (windows) =>
      eachWindow(packets * channels, (first, end, inputs) => {
        const { direction, length, interval } = windows.packets;
        for (let row = first; row < Math.min(end, first + packets); row++) {
          const at = (row - first) * channels;
          inputs[at] = 1;
          inputs[at + 1] = direction[row] === Direction.OUTBOUND ? 1 : -1;
          inputs[at + 2] = length[row]! / 1500;
          // From -1 for a microsecond to 2 for a thousand seconds.
          inputs[at + 3] = (Math.log10(interval[row]! + INTERVAL_FLOOR) + 3) / 3;
          for (let i = 0; i < lengthPeriods.length; i++) {
            const angle = 2 * Math.PI * ((length[row]! / lengthPeriods[i]!) % 1);
            inputs[at + 4 + 2 * i] = Math.sin(angle);
            inputs[at + 5 + 2 * i] = Math.cos(angle);
          }
        }
      })(windows),
  };
}
