import type { Socket } from 'node:net';

/** The TCP connections of the noise itself, by what their packets bear: local port, and address and port of the other end. */
export interface OwnConnections {
  /** Takes a connection that has just begun to be opened to an address. */
  add(socket: Socket, address: string, port: number): void;
  has(localPort: number, remoteAddress: string, remotePort: number): boolean;
}

/** Packets of a connection that is over may come for so long, in ms: TCP sends again, and a capture tells of them late. */
const LATE = 60_000;

/** @param late for tests */
export function createOwnConnections(late = LATE): OwnConnections {
  /** How many there are of each. */
  const counts = new Map<string, number>();
  const count = (key: string, change: 1 | -1) => {
    const left = (counts.get(key) ?? 0) + change;
    if (left > 0) counts.set(key, left);
    else counts.delete(key);
  };
  const later = (key: string) => setTimeout(() => count(key, -1), late).unref();
  return {
    add(socket, address, port) {
      // Which port it is from is known once there is an answer; until then it is all that goes to that end.
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
