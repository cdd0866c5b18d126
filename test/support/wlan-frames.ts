import { hex } from './fixtures.js';

/** Stations of the frames below: two devices, their access point, and the gateway behind it. */
export const CAMERA = '02:00:00:00:00:0a';
export const PLUG = '02:00:00:00:00:0c';
export const ACCESS_POINT = '02:aa:00:00:00:0b';
export const ROUTER = '02:00:00:00:00:01';
export const EVERYBODY = 'ff:ff:ff:ff:ff:ff';

export interface WlanFrame {
  /** First byte of frame control: 88 for QoS data, 08 for data. */
  readonly control?: string;
  /** Second byte of frame control: 01 to the distribution system, 02 from it, 08 retry, 40 protected, 80 order. */
  readonly flags: number;
  readonly addresses: readonly string[];
  readonly sequence?: number;
  /** The two bytes of QoS control, and what else comes before the body. */
  readonly more?: string;
  /** Bytes of the body: by default, 8 for CCMP's header, 40, and 8 for the MIC. */
  readonly body?: number;
  /** CCMP's packet number. */
  readonly packetNumber?: number;
}

/** An encrypted data frame of IEEE 802.11, whose body begins with CCMP's header. */
export function wlanFrame({
  control = '88',
  flags,
  addresses,
  sequence = 1,
  more = control === '88' ? '0000' : '',
  body = 56,
  packetNumber = sequence,
}: WlanFrame): Buffer {
  const mac = (address: string) => hex(address.replaceAll(':', ''));
  const control16 = Buffer.alloc(2);
  control16.writeUInt16LE((sequence << 4) & 0xffff);
  const content = Buffer.alloc(body, 0xd5);
  if (body >= 8) {
    content.fill(0, 0, 8);
    content.writeUInt16LE(packetNumber & 0xffff, 0);
    content[3] = 0x20;
  }
  return Buffer.concat([
    hex(control),
    Buffer.of(flags),
    hex('0000'),
    ...addresses.slice(0, 3).map(mac),
    control16,
    ...addresses.slice(3).map(mac),
    hex(more),
    content,
  ]);
}

/** To the access point, or from it. */
export const up = (from: string, rest: Partial<WlanFrame> = {}) =>
  wlanFrame({ flags: 0x41, addresses: [ACCESS_POINT, from, ROUTER], ...rest });
export const down = (to: string, rest: Partial<WlanFrame> = {}) =>
  wlanFrame({ flags: 0x42, addresses: [to, ACCESS_POINT, ROUTER], ...rest });
