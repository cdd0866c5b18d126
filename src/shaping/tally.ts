import { NO_DEVICE } from '../trace/trace.js';

/** Bytes by device, of one frame after another. */
export interface Tally {
  add(device: number, bytes: number): void;
  /** The device with most bytes, of two with as many the one added first, NO_DEVICE for none; then starts anew. */
  take(): number;
}

/** A frame has parts of few devices, so a list is searched faster than a map is filled. */
export function createTally(): Tally {
  const devices: number[] = [];
  const sums: number[] = [];
  let size = 0;
  return {
    add(device, bytes) {
      for (let i = 0; i < size; i++) {
        if (devices[i] === device) {
          sums[i]! += bytes;
          return;
        }
      }
      devices[size] = device;
      sums[size++] = bytes;
    },
    take() {
      let best = NO_DEVICE;
      let most = 0;
      for (let i = 0; i < size; i++) {
        if (sums[i]! > most) {
          most = sums[i]!;
          best = devices[i]!;
        }
      }
      size = 0;
      return best;
    },
  };
}
