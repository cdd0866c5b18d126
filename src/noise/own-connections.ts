import type { Socket } from 'node:net';

/** TCP connections of the noise itself, identified as in their packets: by local port, remote address and remote port. */
export interface OwnConnections {
  /** Adds a connection that has just begun to open. */
  add(socket: Socket, address: string, port: number): void;
  has(localPort: number, remoteAddress: string, remotePort: number): boolean;
}

/** Milliseconds that packets of a closed connection may still come: TCP retransmits, and a capture is late. */
const LATE = 60_000;

/** @param late for tests */
export function createOwnConnections(late = LATE): OwnConnections {
  /** Number of connections by their key. */
  const counts = new Map<string, number>();
  const count = (key: string, change: 1 | -1) => {
    const left = (counts.get(key) ?? 0) + change;
    if (left > 0) counts.set(key, left);
    else counts.delete(key);
  };
  const later = (key: string) => setTimeout(() => count(key, -1), late).unref();
  return {
    add(socket, address, port) {
      // The local port is known once connected; until then every packet to that end counts as this connection's.
      let key = `to ${address} ${port}`;
      count(key, 1);
      socket.once('connect', () => {
        const known = `${socket.localPort} ${socket.remoteAddress} ${socket.remotePort}`;
        count(known, 1);
        count(key, -1);
        key = known;
      });
      socket.once('close', () => later(key));
    },
    has(localPort, remoteAddress, remotePort) {
      const end = `${remoteAddress} ${remotePort}`;
      return counts.has(`${localPort} ${end}`) || counts.has(`to ${end}`);
    },
  };
}
