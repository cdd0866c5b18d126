/** How well MAC addresses, which are in the clear on any link, tell on one day which device was there on another. */

const SECONDS_PER_DAY = 86_400;

/** A MAC address that a device sends from, and the days on which it does: UTC, in days since the Unix epoch, in order. */
export interface AddressDays {
  readonly address: string;
  readonly days: readonly number[];
}

/** Notes for owners, numbered from 0, on which days they send from which MAC addresses. */
export interface DayLog {
  /**
   * @param mac row of the address
   * @param time seconds since the Unix epoch
   */
  add(owner: number, mac: number, time: number): void;
  daysOf(owner: number): AddressDays[];
}

/** @param macs addresses by row; row 0 is for none and is not noted */
export function createDayLog(macs: readonly string[]): DayLog {
  const found = new Map<number, Map<number, Set<number>>>();
  // An address nearly always has the owner and the day that it had last.
  const lastOwner = new Int32Array(macs.length).fill(-1);
  const lastDay = new Int32Array(macs.length);
  return {
    add(owner, mac, time) {
      const day = Math.floor(time / SECONDS_PER_DAY);
      if (mac === 0 || (lastOwner[mac] === owner && lastDay[mac] === day)) return;
      lastOwner[mac] = owner;
      lastDay[mac] = day;
      const ofOwner = found.get(owner) ?? new Map<number, Set<number>>();
      found.set(owner, ofOwner);
      ofOwner.set(mac, (ofOwner.get(mac) ?? new Set()).add(day));
    },
    daysOf(owner) {
      const addresses = [...(found.get(owner) ?? [])].sort(([a], [b]) => a - b);
      return addresses.map(([mac, days]) => ({ address: macs[mac]!, days: inOrder(days) }));
    },
  };
}

/** The days on which one device is seen. */
export interface LinkedDays {
  readonly days: number;
  /** Pairs of a day on which the device is seen and the next on which it is, whatever lies between: one fewer than days. */
  readonly pairs: number;
  /** Pairs on both days of which it sends from one and the same address. */
  readonly linked: number;
}

/** Counts the days on which a device sends from any of its addresses, and those that a constant address links. */
export function linkDays(addresses: readonly AddressDays[]): LinkedDays {
  const days = inOrder(addresses.flatMap((one) => one.days));
  const sets = addresses.map((one) => new Set(one.days));
  let linked = 0;
  for (let i = 1; i < days.length; i++) {
    if (sets.some((set) => set.has(days[i - 1]!) && set.has(days[i]!))) linked++;
  }
  return { days: days.length, pairs: Math.max(0, days.length - 1), linked };
}

/** How traceable addresses are, where labels say which are of one device. */
export interface DeviceTraceability {
  readonly by: 'device';
  /** UTC days on which any device is seen. */
  readonly days: number;
  /** Days on which a device is seen, summed over devices. */
  readonly deviceDays: number;
  /** Sums of {@link LinkedDays}. */
  readonly pairs: number;
  readonly linked: number;
  /** `linked` of `pairs`; null without pairs. */
  readonly share: number | null;
}

/**
 * The share of device-days that a constant address links: of all pairs of consecutive days on which a device is seen, those where one
 * address of the device is seen on both.
 */
export function traceDevices(devices: readonly (readonly AddressDays[])[]): DeviceTraceability {
  const counts = devices.map(linkDays);
  const sum = (count: (one: LinkedDays) => number) => counts.reduce((total, one) => total + count(one), 0);
  const [pairs, linked] = [sum((one) => one.pairs), sum((one) => one.linked)];
  const days = new Set(devices.flatMap((addresses) => addresses.flatMap((one) => one.days))).size;
  return {
    by: 'device',
    days,
    deviceDays: sum((one) => one.days),
    ...{ pairs, linked, share: pairs === 0 ? null : linked / pairs },
  };
}

/** How traceable addresses are, where nothing says which are of one device. */
export interface AddressTraceability {
  readonly by: 'address';
  /** UTC days on which any address is seen. */
  readonly days: number;
  /** Days on which an address is seen, summed over addresses. */
  readonly addressDays: number;
  /** Those of addresses that are seen on another day, too. */
  readonly linked: number;
  /** `linked` of `addressDays`; null without a second day. */
  readonly share: number | null;
}

/**
 * The share of address-days that are of an address seen on another day, too. A device that changes its address counts as several here,
 * each seen for as long as it lasts, since a randomised address cannot be joined to its device without labels.
 */
export function traceAddresses(addresses: readonly AddressDays[]): AddressTraceability {
  const days = new Set(addresses.flatMap((one) => one.days)).size;
  let addressDays = 0;
  let linked = 0;
  for (const one of addresses) {
    addressDays += one.days.length;
    if (one.days.length > 1) linked += one.days.length;
  }
  return { by: 'address', days, addressDays, linked, share: days < 2 ? null : linked / addressDays };
}

function inOrder(days: Iterable<number>): number[] {
  return [...new Set(days)].sort((a, b) => a - b);
}
