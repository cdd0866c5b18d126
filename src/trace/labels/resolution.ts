import type { Device } from '../trace.js';

/** The end of a packet that is no device's. */
export const NOBODY = -1;

/** The devices at the two ends of a packet. One object serves all packets. */
export interface Ends {
  sender: number;
  receiver: number;
}

/** An address of a device. */
export interface DeviceAddress {
  readonly address: string;
  /** Null where a label names the address. Where labels are files or folders: files it was found in, of those the device has. */
  readonly inferred: { readonly files: number; readonly of: number } | null;
}

/** The devices of a table, and the device at each end of its packets, for one way of labelling. */
export interface Resolution {
  readonly devices: readonly Device[];
  readonly addresses: readonly (readonly DeviceAddress[])[];
  /** Sets the device at each end of packet `i`, or {@link NOBODY}. Called for every packet, in order. */
  readonly resolve: (i: number, ends: Ends) => void;
  /** Lines that warn a user about the labels. */
  readonly warnings: readonly string[];
}
