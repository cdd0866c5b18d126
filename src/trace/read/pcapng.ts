import type { ByteSource } from './bytes.js';
import { MAX_CAPTURED, type PacketSink, reportEnd } from './capture.js';
import { type Link, linkOf } from './links.js';

/** Block types: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html, section 4. */
const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Blocks to be read are held whole; a longer one is taken for damage. Those not read may be of any length. */
const MAX_BLOCK = 1 << 24;

/**
 * Each interface is kept until its section ends. A merged file has thousands of them at most; millions, of a few packed bytes each,
 * would fill the memory.
 */
const MAX_INTERFACES = 65_536;

/** An interface description, which applies to the packets that name it. */
interface Interface {
  readonly link: Link;
  /** Offset of the description in the file. */
  readonly declaredAt: number;
  readonly checkSequence: number;
  /** 0 where nothing is cut off. */
  readonly snapLength: number;
  /** Units of a timestamp in a second, and seconds to add to it. */
  readonly units: number;
  readonly offset: number;
}

/** State that lasts until the next section header. */
interface Section {
  little: boolean;
  interfaces: Interface[];
  /** The interface that the sink was last told of. */
  current: Interface | null;
  /** Time of the packet before, for packets without one. */
  time: number;
  damaged: boolean;
}

export function isPcapng(magic: number): boolean {
  return magic === SECTION;
}

/** Reads a capture file of sections and blocks; a block that cannot be used is left out, and those after it are read. */
export async function readPcapng(source: ByteSource, sink: PacketSink): Promise<void> {
  const section: Section = { little: false, interfaces: [], current: null, time: 0, damaged: false };
  while (await source.need(12)) {
    const { view, at } = source;
    const here = source.base + at;
    // The type of a section header reads the same in both byte orders, and only behind it is told which one it is.
    const isSection = view.getUint32(at) === SECTION;
    if (isSection) {
      const little = view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC;
      if (!little && view.getUint32(at + 8) !== BYTE_ORDER_MAGIC) {
        return sink.problem(here + 8, `expected the byte-order magic 1a2b3c4d, found ${hex(view.getUint32(at + 8))}`);
      }
      section.little = little;
    }
    const { little } = section;
    const type = view.getUint32(at, little);
    const length = view.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0) {
      return sink.problem(here + 4, `expected the length of a block, a multiple of 4 from 12 up, found ${length}`);
    }
    const isRead = isSection || (type >= INTERFACE && type <= SIMPLE_PACKET) || type === ENHANCED_PACKET;
    if (!isRead) {
      if (!(await source.skip(length))) {
        const expected = `expected a block of ${length} bytes (type ${hex(type)})`;
        return sink.problem(here, `${expected}, found the end after ${source.base + source.at - here}`);
      }
      continue;
    }
    if (length > MAX_BLOCK) {
      return sink.problem(here + 4, `expected a block of at most ${MAX_BLOCK} bytes, found a length of ${length}`);
    }
    if (type === INTERFACE && section.interfaces.length === MAX_INTERFACES) {
      return sink.problem(here, `expected at most ${MAX_INTERFACES} interfaces in a section, found more`);
    }
    if (!(await source.need(length))) return reportEnd(source, sink, 'a block', length);
    const trailer = source.view.getUint32(source.at + length - 4, little);
    if (trailer !== length) {
      return sink.problem(here + length - 4, `expected the block's length ${length} once more, found ${trailer}`);
    }
    const fault = readBlock(source.view, source.at, length, type, here, section, sink);
    source.at += length;
    // One line for all of them: they mostly have one cause.
    if (fault !== '' && !section.damaged) {
      section.damaged = true;
      sink.problem(here, fault);
      if (isSection) return;
    }
  }
  if (source.end > source.at || source.fault !== '') reportEnd(source, sink, 'a block header', 12);
}

/** Reads one whole block; returns what is wrong with it, or ''. */
function readBlock(
  view: DataView,
  at: number,
  length: number,
  type: number,
  here: number,
  section: Section,
  sink: PacketSink,
): string {
  const { little, interfaces } = section;
  if (type === SECTION) {
    section.interfaces = [];
    section.current = null;
    const major = length < 28 ? -1 : view.getUint16(at + 12, little);
    return major === 1
      ? ''
      : `expected a section header of pcapng version 1, found version ${major} in ${length} bytes`;
  }
  if (type === INTERFACE) {
    if (length < 20) return `expected an interface description of at least 20 bytes, found ${length}`;
    interfaces.push({ ...readInterface(view, at, length, little), declaredAt: here });
    return '';
  }
  const headerLength = type === SIMPLE_PACKET ? 12 : 28;
  if (length < headerLength + 4) {
    sink.drop(DAMAGED);
    return `expected a packet block of at least ${headerLength + 4} bytes, found ${length}`;
  }
  let number = 0;
  if (type === ENHANCED_PACKET) number = view.getUint32(at + 8, little);
  else if (type === PACKET) number = view.getUint16(at + 8, little);
  const found = interfaces[number];
  if (!found) {
    sink.drop(DAMAGED);
    return `expected a packet of one of the ${interfaces.length} interfaces described so far, found interface ${number}`;
  }
  const room = length - headerLength - 4;
  let captured: number;
  let original: number;
  if (type === SIMPLE_PACKET) {
    original = view.getUint32(at + 8, little);
    captured = Math.min(original, room, found.snapLength || original);
  } else {
    captured = view.getUint32(at + 20, little);
    original = view.getUint32(at + 24, little);
    const ticks = view.getUint32(at + 12, little) * 2 ** 32 + view.getUint32(at + 16, little);
    section.time = ticks / found.units + found.offset;
  }
  if (captured > room || captured > MAX_CAPTURED) {
    sink.drop(DAMAGED);
    return `expected at most ${Math.min(room, MAX_CAPTURED)} captured bytes in this block, found a length of ${captured}`;
  }
  if (found !== section.current) {
    section.current = found;
    sink.link(found.link, found.checkSequence, found.declaredAt);
  }
  sink.packet(view, at + headerLength, captured, original, section.time);
  return '';
}

const DAMAGED = 'damaged packet block';

/** Interface description: link type, reserved, snap length; then options of code, length, value padded to 4 bytes. */
function readInterface(view: DataView, at: number, length: number, little: boolean): Omit<Interface, 'declaredAt'> {
  let units = 1e6;
  let offset = 0;
  let checkSequence = 0;
  const end = at + length - 4;
  for (let option = at + 16; option + 4 <= end; ) {
    const code = view.getUint16(option, little);
    const size = view.getUint16(option + 2, little);
    const value = option + 4;
    if (code === 0 || value + size > end) break;
    if (code === 9 && size === 1) {
      const resolution = view.getUint8(value);
      units = resolution < 128 ? 10 ** resolution : 2 ** (resolution - 128);
    }
    if (code === 13 && size === 1) checkSequence = view.getUint8(value);
    if (code === 14 && size === 8) {
      const [high, low] = little ? [value + 4, value] : [value, value + 4];
      offset = view.getInt32(high, little) * 2 ** 32 + view.getUint32(low, little);
    }
    option = value + ((size + 3) & ~3);
  }
  const link = linkOf(view.getUint16(at + 8, little));
  return { link, checkSequence, snapLength: view.getUint32(at + 12, little), units, offset };
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
