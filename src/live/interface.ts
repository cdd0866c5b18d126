import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** A fact of the kernel about an interface, such as its `mtu`; null where the system does not tell, as outside Linux. */
export function interfaceFact(name: string | null, fact: string): string | null {
  try {
    return readFileSync(`/sys/class/net/${name}/${fact}`, 'utf8').trim() || null;
  } catch {
    return null;
  }
}

/** Name of the interface of this machine that has an address; null for none. */
export function interfaceWith(address: string): string | null {
  const found = Object.entries(networkInterfaces()).find(([, all]) => all?.some((one) => one.address === address));
  return found?.[0] ?? null;
}
