import type { Label } from '../labels/label-file.js';
import type { Trace } from '../trace.js';

/** MAC addresses of the gateway and of the provider beyond it in written captures. All are locally administered. */
export const GATEWAY_MAC = '02:48:56:ff:ff:fe';
export const PROVIDER_MAC = '02:48:56:ff:ff:fd';

/** The MAC address that a row of `devices` has in written captures, unless another is given. */
export function deviceMac(device: number): string {
  const hex = device.toString(16).padStart(4, '0');
  return `02:48:56:00:${hex.slice(0, 2)}:${hex.slice(2)}`;
}

/** Labels for a written capture of a trace whose devices have the MAC addresses `macs`, by row. */
export function deviceLabels({ devices }: Trace, macs: readonly (string | undefined)[] = []): Label[] {
  return devices.map(({ name, category }, device) => ({
    address: macs[device] ?? deviceMac(device),
    kind: 'mac',
    device: name,
    category,
  }));
}

export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (part) => Number.parseInt(part, 16));
}
