import { InputError } from '../../shared/errors.js';
import { cannotWrite, createAtomicFile, PRIVATE } from '../../shared/files.js';
import { Protocol, type Trace } from '../trace.js';
import { createFrameWriter, ETHERNET, type FrameOptions } from './frames.js';

export interface WritePcapOptions extends FrameOptions {
  /** Nanoseconds keep every time of a trace; microseconds are for the oldest readers. */
  readonly resolution?: 'nanosecond' | 'microsecond';
}

export interface WrittenPcap {
  readonly packets: number;
  /** Size of the file. */
  readonly bytes: number;
  /** Raw IP where no flow of the trace has a link header, Ethernet otherwise. */
  readonly link: 'ethernet' | 'raw-ip';
}

const MAGIC = { nanosecond: 0xa1b23c4d, microsecond: 0xa1b2c3d4 } as const;
const LINK_TYPE = { ethernet: 1, 'raw-ip': 101 } as const;
const SNAPLEN = 262144; /** The length field of an IP header has 16 bits. */
const LARGEST_PACKET = 65535;
const CHUNK = 4 << 20;

/**
 * Writes a trace as a classic pcap file. Frames have its lengths and times, correct headers and checksums, and payloads that show
 * its protocols and carry nothing. A TCP segment begins where the one before ended. A frame that is too short leaves out its
 * payload first, then its transport header, then IP. A TLS segment of under 6 bytes is a keep-alive; a short DHCP message is malformed.
 * A TCP payload for which the trace shows no application continues its conversation's. Cover changes no byte of the file;
 * the device of a frame changes only the MAC address of its flow's owner.
 * @throws InputError where a frame is shorter than an Ethernet header or longer than an IP packet can be, a time is not from
 * 1970 to 2106, or the file cannot be written
 */
export function writePcap(trace: Trace, path: string, options: WritePcapOptions = {}): WrittenPcap {
  const { resolution = 'nanosecond' } = options;
  const units = resolution === 'nanosecond' ? 1e9 : 1e6;
  const isRaw = trace.packets > 0 && usesRawIp(trace);
  const link = isRaw ? 'raw-ip' : 'ethernet';
  const fill = createFrameWriter(trace, isRaw ? 0 : ETHERNET, options);
  const out = Buffer.alloc(CHUNK);
  const file = createAtomicFile(path, PRIVATE);
  try {
    out.writeUInt32LE(MAGIC[resolution], 0);
    out.writeUInt16LE(2, 4);
    out.writeUInt16LE(4, 6);
    out.writeUInt32LE(SNAPLEN, 16);
    out.writeUInt32LE(LINK_TYPE[link], 20);
    let at = 24;
    for (let i = 0; i < trace.packets; i++) {
      const length = trace.length[i]!;
      checkLength(length, isRaw, i, path);
      if (at + 16 + length > out.length) {
        file.write(out.subarray(0, at));
        at = 0;
      }
      const time = trace.time[i]!;
      let seconds = Math.floor(time);
      let fraction = Math.round((time - seconds) * units);
      if (fraction === units) {
        seconds++;
        fraction = 0;
      }
      if (!(seconds >= 0 && seconds < 2 ** 32)) {
        throw new InputError(`${path}: packet ${i}: expected a time from 1970 to 2106, found ${time} s`);
      }
      out.writeUInt32LE(seconds, at);
      out.writeUInt32LE(fraction, at + 4);
      out.writeUInt32LE(length, at + 8);
      out.writeUInt32LE(length, at + 12);
      fill(out, at + 16, i);
      at += 16 + length;
    }
    file.write(out.subarray(0, at));
    file.commit();
    return { packets: trace.packets, bytes: file.size, link };
  } catch (cause) {
    file.discard();
    // A system call failed (a full disk, say). Anything else is a bug of ours.
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw cannotWrite(path, cause);
  }
}

function checkLength(length: number, isRaw: boolean, packet: number, path: string): void {
  const shortest = isRaw ? 1 : ETHERNET;
  const largest = LARGEST_PACKET + (isRaw ? 0 : ETHERNET);
  if (length >= shortest && length <= largest) return;
  throw new InputError(`${path}: packet ${packet}: expected ${shortest} to ${largest} bytes, found ${length}`);
}

/** Whether all packets are IP without a link header: an Ethernet header would replace a part of each. */
function usesRawIp(trace: Trace): boolean {
  for (let i = 0; i < trace.packets; i++) {
    if (trace.flows.header[trace.flow[i]!] !== 0 || (trace.protocols[i]! & Protocol.IP) === 0) return false;
    if (trace.length[i]! < 20) return false;
  }
  return true;
}
