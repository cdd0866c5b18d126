/** Facts of a capture of encrypted Wi-Fi beyond its packets: how many there are, and which stations are access points. */

import { ENCRYPTED, type PacketTable } from './packets.js';

/** Least share of a station's encrypted frames as an access point for it to be one. A range extender's are half of each kind. */
const FEWEST_AS_ACCESS_POINT = 0.1;

/** Has 1 for each row of `macs` that is an access point's in encrypted frames. */
export function findAccessPoints({ packets, macs, source, destination, reverse, conversation, ...table }: PacketTable) {
  const { encrypted } = table.conversations;
  const found = new Uint8Array(macs.length);
  if (!encrypted.includes(ENCRYPTED.ACCESS_POINT_A) && !encrypted.includes(ENCRYPTED.ACCESS_POINT_B)) return found;
  const all = new Uint32Array(macs.length);
  const asAccessPoint = new Uint32Array(macs.length);
  for (let i = 0; i < packets; i++) {
    const kind = encrypted[conversation[i]!]!;
    if (kind === ENCRYPTED.NOT) continue;
    all[source[i]!]!++;
    all[destination[i]!]!++;
    if (kind === ENCRYPTED.DIRECT) continue;
    const isSource = (kind === ENCRYPTED.ACCESS_POINT_A) === (reverse[i] === 0);
    asAccessPoint[isSource ? source[i]! : destination[i]!]!++;
  }
  for (let mac = 1; mac < found.length; mac++) {
    if (all[mac]! > 0 && asAccessPoint[mac]! >= FEWEST_AS_ACCESS_POINT * all[mac]!) found[mac] = 1;
  }
  return found;
}

/** Warns in a line that some packets are encrypted 802.11 frames; none where there are none. */
export function describeEncrypted({ packets, conversation, conversations }: PacketTable): string[] {
  const { encrypted } = conversations;
  let count = 0;
  if (encrypted.some((kind) => kind !== ENCRYPTED.NOT)) {
    for (let i = 0; i < packets; i++) if (encrypted[conversation[i]!] !== ENCRYPTED.NOT) count++;
  }
  if (count === 0) return [];
  return [
    `${count} of ${packets} packets are encrypted 802.11 frames, of which MAC addresses, direction, time and length are known: only a view from inside the home (lan) sees them`,
  ];
}
