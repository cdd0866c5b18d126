/** Message type of data. */
const DATA = 4;
/** Bytes of the header (type 1, reserved 3, receiver 4, counter 8) and of the tag (16): WireGuard (NDSS 2017), section 5.4.6. */
const OVERHEAD = 32;
const BLOCK = 16;

/** Whether a datagram of WireGuard carries a packet, and is neither a keepalive nor a handshake. */
export function isData(head: Uint8Array, length: number): boolean {
  return head[0] === DATA && length > OVERHEAD;
}

/** Whether a datagram of `length` bytes may carry an IP packet of `inner` bytes, padded to a multiple of 16 but not beyond the MTU. */
function mayCarry(length: number, inner: number): boolean {
  const room = length - OVERHEAD;
  return room >= inner && room - inner < BLOCK;
}

/** Packets among which one that fits is searched. */
const LOOK_AHEAD = 256;

/**
 * Finds which packet each datagram carries. WireGuard keeps the order of packets and may lose some, so each datagram takes the first
 * remaining packet that it may carry.
 * @param lengths bytes of the datagrams with data, in order
 * @param inner bytes of the IP packets that entered, in order
 * @returns index of a packet for each datagram; -1 where none fits
 */
export function matchPackets(lengths: ArrayLike<number>, inner: ArrayLike<number>): Int32Array {
  const packet = new Int32Array(lengths.length).fill(-1);
  let next = 0;
  for (let i = 0; i < lengths.length; i++) {
    const end = Math.min(inner.length, next + LOOK_AHEAD);
    let at = next;
    while (at < end && !mayCarry(lengths[i]!, inner[at]!)) at++;
    if (at === end) continue;
    packet[i] = at;
    next = at + 1;
  }
  return packet;
}
