/** Header 16 (type 1, reserved 3, receiver 4, counter 8) and tag 16: WireGuard (NDSS 2017), section 5.4.6. */
const DATA = 4;
const OVERHEAD = 32;
const BLOCK = 16;

/** Whether a datagram of WireGuard carries a packet: what carries nothing keeps the connection alive, and the rest are handshakes. */
export function isData(head: Uint8Array, length: number): boolean {
  return head[0] === DATA && length > OVERHEAD;
}

/** Whether a datagram of `length` bytes may carry an IP packet of `inner`: padding goes up to a multiple of 16, and not beyond the MTU. */
function mayCarry(length: number, inner: number): boolean {
  const room = length - OVERHEAD;
  return room >= inner && room - inner < BLOCK;
}

/** Packets that are looked through for one that fits. */
const LOOK_AHEAD = 256;

/**
 * Which packet each datagram carries, -1 where that cannot be told. WireGuard keeps the order of packets, and loses some at times,
 * so each datagram takes the first one left that it may carry.
 * @param lengths of the datagrams with data, in their order
 * @param inner lengths of the IP packets that entered, in their order
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
