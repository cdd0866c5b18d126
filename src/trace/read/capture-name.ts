import { basename } from 'node:path';

/** Endings that captures have: of tcpdump, Wireshark and friends; `.eth` is a Fritz!Box's. */
const ENDING = String.raw`\.(?:pcap|pcapng|cap|dump|dmp|ntar|eth|tcpdump)`;

/** Programs that rotate captures count behind the ending: `tcpdump -C` writes `home.pcap1`, logrotate `home.pcap.1`. */
const ROTATION = String.raw`(?:[.-]?\d+)?`;

/** Endings of compressed files, whether they can be read here or not. */
const COMPRESSION = String.raw`\.(?:gz|xz|zst|lz4|bz2|zip|7z|lzma|z)`;

/** A file name that says "capture": an ending, with a rotation's number and compression or without. */
export const CAPTURE_NAME = new RegExp(`${ENDING}${ROTATION}(?:${COMPRESSION})?$`, 'i');

const COMPRESSED_NAME = new RegExp(`(?<=.)${COMPRESSION}$`, 'i');
const ENDED_NAME = new RegExp(`(?<=.)${ENDING}${ROTATION}$`, 'i');

const DATE = String.raw`(?:19|20)\d\d([-_.]?)\d{1,2}\1\d{1,2}`;
const CLOCK = String.raw`[-_.:]?\d{1,2}([-_.:]?)\d{2}\2\d{2}`;

/**
 * The time, and the number before it, that a rotation puts between name and ending: `plug_00001_20210308152215` of dumpcap's
 * ring buffer, `plug-2021-03-08_15-22-15` or `plug-1615217000` of `tcpdump -G`.
 */
const ROTATION_TIME = new RegExp(String.raw`(?<=.)(?:_\d{5})?[-_. ](?:${DATE}(?:[T ]?${CLOCK})?|1\d{9})$`);

/**
 * The name of a capture without the marks of capture formats, compression and rotation: `plug.pcap`, `plug.pcap1`, `plug.pcap.2.gz`,
 * `plug_00001_20210308152215.pcapng` are all of `plug`. Digits that belong to the name stay (`plug2.pcap` is `plug2`), and so does
 * all of a name that is only a time.
 */
export function captureName(path: string): string {
  return basename(path).replace(COMPRESSED_NAME, '').replace(ENDED_NAME, '').replace(ROTATION_TIME, '');
}
