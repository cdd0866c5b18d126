import { openBytes } from '../trace/read/bytes.js';
import type { PacketSink } from '../trace/read/capture.js';
import { createDissector } from '../trace/read/dissect.js';
import { KEPT, UDP } from '../trace/read/frame.js';
import { readPcap } from '../trace/read/pcap.js';
import { isPcapng, readPcapng } from '../trace/read/pcapng.js';
import { ipv4Word } from '../trace/scope.js';

/** Bytes kept from the beginning of each datagram's payload. */
const HEAD = 16;

/** A captured UDP datagram. */
export interface Datagram {
  /** Seconds since the Unix epoch. */
  readonly time: number;
  /** Bytes of the frame, and of the UDP payload. */
  readonly length: number;
  readonly payload: number;
  /** Whether it was sent from the address asked for. */
  readonly isOwn: boolean;
  /** First bytes of the UDP payload. */
  readonly head: Uint8Array;
}

/** Reads the datagrams with `port` at either end, in the order of the capture. @param own address that {@link Datagram.isOwn} refers to */
export async function readDatagrams(file: string, port: number, own: string): Promise<Datagram[]> {
  const datagrams: Datagram[] = [];
  const dissector = createDissector();
  const { frame } = dissector;
  const address = ipv4Word(own) | 0;
  const sink: PacketSink = {
    link: (link, checkSequence) => dissector.setLink(link, checkSequence),
    packet(view, at, captured, original, time) {
      if (dissector.read(view, at, captured, original, time) !== KEPT || frame.transport !== UDP) return;
      if (frame.sourcePort !== port && frame.destinationPort !== port) return;
      const end = Math.min(frame.end, frame.payloadAt + HEAD);
      datagrams.push({
        time,
        length: frame.wireEnd - frame.at - frame.uncounted,
        payload: frame.payloadEnd - frame.payloadAt,
        isOwn: frame.source0 === address,
        head: new Uint8Array(view.buffer.slice(view.byteOffset + frame.payloadAt, view.byteOffset + end)),
      });
    },
    drop() {},
    problem() {},
  };
  const source = await openBytes(file);
  try {
    if (!(await source.need(4))) return datagrams;
    await (isPcapng(source.view.getUint32(0)) ? readPcapng : readPcap)(source, sink);
  } finally {
    source.close();
  }
  return datagrams;
}
