import type { ByteSource } from './bytes.js';
import { isPcap } from './pcap.js';
import { isPcapng } from './pcapng.js';
import { packingOf } from './unpack.js';

/** The format of a capture that is read here; null for anything else. Reads ahead, but moves nothing. */
export async function formatOf(source: ByteSource): Promise<'pcap' | 'pcapng' | null> {
  if (!(await source.need(4))) return null;
  const magic = source.view.getUint32(source.at);
  return isPcap(magic) ? 'pcap' : isPcapng(magic) ? 'pcapng' : null;
}

/** Names what stands in place of a capture, and what makes one of it. */
export async function describeContent(source: ByteSource, path: string): Promise<string> {
  await source.need(HEAD);
  if (source.fault !== '') return `what cannot be read: ${source.fault}`;
  const head = Buffer.from(source.view.buffer, source.at, Math.min(source.end - source.at, HEAD));
  const found = describeHead(head, path);
  return source.packing === '' ? found : `${found}, packed with ${source.packing}`;
}

/** Bytes to look at: a tar archive names itself at 257, and text shows what it is of within a few lines. */
const HEAD = 512;

/** A kind of file: its first bytes (`offset` bytes in), its name, and the command that turns it into something readable. */
interface Kind {
  readonly begin: string | readonly number[];
  readonly offset?: number;
  readonly name: string;
  readonly cure?: string;
}

const CONVERT = 'convert it: editcap -F pcapng FILE out.pcapng';

const KINDS: readonly Kind[] = [
  // Compressions and archives.
  { begin: 'BZh', name: 'a bzip2 file', cure: 'unpack it: bunzip2 FILE' },
  { begin: [0x04, 0x22, 0x4d, 0x18], name: 'an lz4 file', cure: 'unpack it: lz4 -d FILE' },
  { begin: [0x02, 0x21, 0x4c, 0x18], name: 'an lz4 file', cure: 'unpack it: lz4 -d FILE' },
  { begin: 'PK\x03\x04', name: 'a zip archive', cure: 'unpack it: unzip FILE' },
  { begin: 'PK\x05\x06', name: 'an empty zip archive' },
  { begin: '7z\xbc\xaf\x27\x1c', name: 'a 7-Zip archive', cure: 'unpack it: 7z x FILE' },
  { begin: 'Rar!\x1a\x07', name: 'a RAR archive', cure: 'unpack it: 7z x FILE' },
  { begin: [0x1f, 0x9d], name: 'a compress (.Z) file', cure: 'unpack it: gunzip FILE' },
  { begin: 'LZIP', name: 'an lzip file', cure: 'unpack it: lzip -d FILE' },
  { begin: '\x89LZO\0\r\n\x1a\n', name: 'an lzop file', cure: 'unpack it: lzop -d FILE' },
  { begin: [0x5d, 0, 0], name: 'an lzma file', cure: 'unpack it: unlzma FILE' },
  { begin: '\xff\x06\0\0sNaPpY', name: 'a snappy file', cure: 'unpack it: snzip -d FILE' },
  { begin: 'MSCF', name: 'a cabinet archive', cure: 'unpack it: 7z x FILE' },
  { begin: 'ustar', offset: 257, name: 'a tar archive', cure: 'unpack it: tar -xf FILE' },
  // Captures in other formats; Wireshark reads them all.
  { begin: 'snoop\0', name: 'a snoop file', cure: CONVERT },
  { begin: 'GMBU', name: 'a capture of Network Monitor', cure: CONVERT },
  { begin: 'RTSS', name: 'a capture of Network Monitor', cure: CONVERT },
  { begin: 'TRSNIFF data', name: 'a capture of Sniffer', cure: CONVERT },
  { begin: 'XCP\0', name: 'a capture of NetXRay or Sniffer', cure: CONVERT },
  { begin: 'btsnoop\0', name: 'a capture of Bluetooth (btsnoop), which carries no IP' },
  { begin: 'iptrace 1.0', name: 'a capture of iptrace', cure: CONVERT },
  { begin: 'iptrace 2.0', name: 'a capture of iptrace', cure: CONVERT },
  { begin: '\x7fver', name: 'a capture of EtherPeek or OmniPeek', cure: CONVERT },
  { begin: 'ObserverPktBuffe', name: 'a capture of Observer', cure: CONVERT },
  { begin: [0x1c, 0x00, 0x01, 0xac], name: 'a capture of IxVeriWave', cure: CONVERT },
  { begin: [0xac, 0x01, 0x00, 0x1c], name: 'a capture of IxVeriWave', cure: CONVERT },
  { begin: [0xa1, 0xe2, 0xcb, 0x12], name: 'a capture of Navtel', cure: CONVERT },
  { begin: 'HCPX', name: "hashcat's handshakes (hccapx), which hold no packets" },
  { begin: 'WPA*', name: "hashcat's hashes, which hold no packets" },
  // Pointers to files that are elsewhere.
  {
    begin: 'version https://git-lfs',
    name: 'a Git LFS pointer',
    cure: 'the capture itself is yet to be fetched: git lfs pull',
  },
  {
    begin: '/annex/objects/',
    name: 'a git-annex pointer',
    cure: 'the capture itself is yet to be fetched: git annex get FILE',
  },
  // Texts about packets.
  { begin: '"No.","Time"', name: "Wireshark's list of packets as CSV", cure: 'save the capture itself as pcapng' },
  { begin: 'No.     Time', name: "Wireshark's list of packets as text", cure: 'save the capture itself as pcapng' },
  { begin: '<?xml', name: 'an XML file' },
  { begin: '<!DOCTYPE', name: 'a web page', cure: 'the download did not give the file itself' },
  { begin: '<!doctype', name: 'a web page', cure: 'the download did not give the file itself' },
  { begin: '<html', name: 'a web page', cure: 'the download did not give the file itself' },
  { begin: [0x00, 0x05, 0x16, 0x07], name: "macOS's notes on another file (AppleDouble)" },
  { begin: 'ARROW1', name: 'an Arrow file' },
];

/** As tcpdump prints a packet: `12:34:56.789012 IP 10.0.0.2.5353 > ...`, with or without a date. */
const TCPDUMP_TEXT = /^(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{6} (IP6?|ARP|[\w-]+)[ ,]/m;
const HEX_DUMP = /^0000(00)?:?\s+[0-9a-f]{2}[ 0-9a-f]{2}/im;

function describeHead(head: Buffer, path: string): string {
  if (head.length === 0) return 'an empty file';
  const packing = packingOf(head);
  if (packing) return `a ${packing.name} file within another (unpack it once more)`;
  const kind = KINDS.find(({ begin, offset = 0 }) => {
    const bytes = typeof begin === 'string' ? Buffer.from(begin, 'latin1') : Buffer.from(begin);
    return head.subarray(offset, offset + bytes.length).equals(bytes);
  });
  const file = /^[\w./-]+$/.test(path) ? path : `'${path}'`;
  if (kind) return kind.cure === undefined ? kind.name : `${kind.name} (${kind.cure.replace('FILE', () => file)})`;
  if (/\.etl$/i.test(path)) {
    return `an event trace of Windows (convert it: pktmon etl2pcap ${file}, or etl2pcapng for one of netsh trace)`;
  }
  if (/\.erf$/i.test(path)) return `an ERF capture (${CONVERT.replace('FILE', () => file)})`;
  if (head.every((byte) => byte === 0)) return 'nothing but zeros (a copy that was interrupted?)';
  // Bytes of controls and beyond ASCII have no place in what is shown of it.
  const text = head.toString('latin1');
  if (/[^\t\r\n\x20-\x7e\x80-\xff]/.test(text)) return `one that begins with ${head.subarray(0, 4).toString('hex')}`;
  if (TCPDUMP_TEXT.test(text)) return "tcpdump's text (record the packets: tcpdump -w out.pcap)";
  if (HEX_DUMP.test(text)) return `a hex dump (convert it: text2pcap ${file} out.pcap)`;
  return 'text';
}
