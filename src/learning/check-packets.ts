import { InputError } from '../shared/errors.js';
import type { PacketFeatures } from './windows.js';

/**
 * @param where begins the error message: the task
 * @throws InputError for a length or an interval that is NaN or below zero.
 */
export function checkPackets(packets: PacketFeatures, where: string): void {
  for (const name of ['length', 'interval'] as const) {
    const row = packets[name].findIndex((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
    if (row >= 0) {
      const found = packets[name][row];
      throw new InputError(`${where}: packet ${row}: ${name}: expected a number of at least 0, found ${found}`);
    }
  }
}
