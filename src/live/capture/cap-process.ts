/**
 * The npm package `cap` as a capturing program like tcpdump. `node cap-process.js INTERFACE BUFFER_BYTES SNAPLEN FILTER` writes a
 * classic capture to standard output until SIGINT. `node cap-process.js INTERFACE -L` only opens the interface. It is a separate
 * process because the package can crash or block its process: with a segmentation fault where an interface is closed soon after it
 * was opened, and with an endless loop while packets arrive faster than JavaScript takes them.
 *
 * The package reports neither kernel times nor losses: times are those at which JavaScript saw the packet.
 */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';

/** The part of the package that is used here. */
interface CapModule {
  readonly Cap: new () => Cap;
}

interface Cap {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  setMinBytes?(bytes: number): void;
  on(event: 'packet', listener: (bytes: number, truncated: boolean) => void): void;
}

/** Numbers of link types by their names in the package. */
const LINK_TYPES: Readonly<Record<string, number>> = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LINKTYPE_LINUX_SLL: 113,
  IEEE802_11_RADIO: 127,
};
/** Number for any other link type, from the range for private use. */
const UNKNOWN_LINK = 147;

const SNAPLEN = 65535;
/** Bytes written at a time while packets arrive fast. */
const CHUNK = 1 << 16;

const [interfaceName = '', bufferSize = '', snaplen = '0', filter = ''] = process.argv.slice(2);
const isProbe = bufferSize === '-L';
/** Buffer that libpcap writes each packet into. It must be referenced, and so kept from garbage collection, as long as the process lives. */
const packet = Buffer.alloc(SNAPLEN);

try {
  const { Cap } = createRequire(import.meta.url)('cap') as CapModule;
  const cap = new Cap();
  const link = cap.open(interfaceName, isProbe ? '' : filter, isProbe ? 1 << 20 : Number(bufferSize), packet);
  // The system closes the interface; closing it here may crash.
  if (isProbe) process.exit(0);
  capture(cap, LINK_TYPES[link] ?? UNKNOWN_LINK, Number(snaplen));
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  const absent = code === 'MODULE_NOT_FOUND' || code === 'ERR_DLOPEN_FAILED';
  process.stderr.write(`${absent ? 'the npm package cap is not installed, or was not built' : message}\n`);
  process.exit(1);
}

function capture(cap: Cap, linkType: number, snaplen: number): void {
  const most = snaplen === 0 ? SNAPLEN : Math.min(snaplen, SNAPLEN);
  const chunk = Buffer.alloc(CHUNK + 16 + SNAPLEN);
  let filled = 24;
  let isPlanned = false;
  const flush = (): void => {
    isPlanned = false;
    try {
      for (let done = 0; done < filled; ) done += writeSync(1, chunk, done, filled - done);
    } catch {
      // The reader has gone.
      process.exit(0);
    }
    filled = 0;
  };
  chunk.writeUInt32LE(0xa1b2c3d4, 0);
  chunk.writeUInt16LE(2, 4);
  chunk.writeUInt16LE(4, 6);
  chunk.writeUInt32LE(most, 16);
  chunk.writeUInt32LE(linkType, 20);
  flush();
  cap.setMinBytes?.(0);
  cap.on('packet', (bytes) => {
    const captured = Math.min(bytes, most);
    const now = performance.timeOrigin + performance.now();
    chunk.writeUInt32LE(Math.floor(now / 1000), filled);
    chunk.writeUInt32LE(Math.floor((now % 1000) * 1000), filled + 4);
    chunk.writeUInt32LE(captured, filled + 8);
    chunk.writeUInt32LE(bytes, filled + 12);
    packet.copy(chunk, filled + 16, 0, captured);
    filled += 16 + captured;
    if (filled >= CHUNK) flush();
    else if (!isPlanned) setImmediate(flush);
    isPlanned = true;
  });
  process.on('SIGINT', () => {
    flush();
    process.exit(0);
  });
  process.stderr.write(`listening on ${interfaceName}\n`);
}
