import { type DropReason, type Frame, KEPT } from './frame.js';

export const CUT_LINK: DropReason = 'cut inside the link header';
export const MALFORMED_LINK: DropReason = 'malformed link header';

/** Ends the link layer: sets the network protocol and where its header begins. */
export function network(frame: Frame, at: number, kind: number): DropReason {
  frame.network = kind;
  frame.networkAt = at;
  frame.header = at - frame.at - frame.uncounted;
  return KEPT;
}

/** Mixes a number of the interface or VLAN into `place`. */
export function addPlace(frame: Frame, number: number): void {
  frame.place = (Math.imul(frame.place, 0x01000193) + number + 1) | 0;
}

/** Sets the source. Zeros are no address: loopback devices have them, and programs that make up an Ethernet header. */
export function setSource(frame: Frame, at: number): void {
  frame.sourceHigh = frame.view.getUint16(at);
  frame.sourceLow = frame.view.getInt32(at + 2);
  frame.hasSource = (frame.sourceHigh | frame.sourceLow) !== 0;
}

export function setDestination(frame: Frame, at: number): void {
  frame.destinationHigh = frame.view.getUint16(at);
  frame.destinationLow = frame.view.getInt32(at + 2);
  frame.hasDestination = (frame.destinationHigh | frame.destinationLow) !== 0;
}

/** Removes the four bytes of a frame check sequence from the end. */
export function dropCheckSequence(frame: Frame): void {
  frame.wireEnd = Math.max(frame.at, frame.wireEnd - 4);
  frame.end = Math.min(frame.end, frame.wireEnd);
}
