import { now } from './alarm.js';
import { OVERHEAD } from './frame.js';

/** Seconds for which a datagram of the VPN waits for a session. */
const LONGEST_WAIT = 5;

/** Datagrams of the VPN that wait for a session. @param onLost called for each that has waited too long */
export function createStaging(onLost: (payload: Buffer) => void) {
  let waiting: { readonly payload: Buffer; readonly time: number }[] = [];
  let bytes = 0;
  const expire = (): void => {
    const oldest = now() - LONGEST_WAIT;
    while (waiting[0] && waiting[0].time < oldest) {
      const { payload } = waiting.shift()!;
      bytes -= OVERHEAD + payload.length;
      onLost(payload);
    }
  };
  return {
    /** Bytes that wait, as frames. */
    get bytes() {
      return bytes;
    },
    add(payload: Buffer): void {
      waiting.push({ payload, time: now() });
      bytes += OVERHEAD + payload.length;
    },
    /** Gives up what has waited too long. */
    expire,
    /** Takes all that still waits, in the order in which it came. */
    take(): Buffer[] {
      expire();
      const taken = waiting.map(({ payload }) => payload);
      waiting = [];
      bytes = 0;
      return taken;
    },
  };
}
