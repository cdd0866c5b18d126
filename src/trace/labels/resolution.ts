import type { Device } from '../trace.js';
import type { DeviceAddress } from './labels.js';

/** No device. */
export const NOBODY = -1;

/** The devices at the two ends of a packet; one object, filled anew for each. */
export interface Ends {
  sender: number;
  receiver: number;
}

/** Which packets are whose, for one way of labelling. */
export interface Resolution {
  readonly devices: readonly Device[];
  readonly addresses: readonly (readonly DeviceAddress[])[];
  /** Sets the device at each end of packet `i`, {@link NOBODY} where that is none. Asked for every packet, in their order. */
  readonly resolve: (i: number, ends: Ends) => void;
  /** What a user should know of the labels, a line each. */
  readonly warnings: readonly string[];
}
