import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the capturing program and the kernel counted; null what is not known (yet). */
export interface CaptureCounters {
  /** Packets that the filter let through, those that were lost included. */
  received: number | null;
  /** Packets lost because the program did not fetch them from the kernel in time, or not out of itself. */
  droppedByKernel: number | null;
  /** Packets lost by the network card or its driver. */
  droppedByInterface: number | null;
}

export interface ToolRequest {
  readonly interface: string;
  /** Bytes of each packet; 0 for all. */
  readonly snaplen: number;
  /** In the language of libpcap (pcap-filter(7)); '' for every packet. */
  readonly filter: string;
  /** Of the kernel, in MiB. */
  readonly buffer: number;
}

/** A program that writes a classic capture to its standard output as packets come. */
export interface Tool {
  readonly name: 'dumpcap' | 'tcpdump' | 'cap';
  /** Where the program is, and whether it may be run; null where it is not. */
  find(): { readonly path: string; readonly executable: boolean } | null;
  /** How to get it. */
  readonly install: string;
  arguments(request: ToolRequest): string[];
  /** With these it opens an interface and closes it again. */
  probe(interfaceName: string): string[];
  /** What it prints on stderr once it captures. */
  readonly ready: RegExp;
  /** Seconds that a packet may take from the wire to our end of the pipe, on an idle machine. */
  readonly latency: number;
  /** Makes it print its counters while it captures; null where nothing does. */
  readonly countersSignal: NodeJS.Signals | null;
  /** Takes the counters from a line of stderr, where they are in it. */
  readCounters(line: string, counters: CaptureCounters): void;
}

const dumpcap: Tool = {
  name: 'dumpcap',
  find: () => findProgram('dumpcap'),
  install: 'sudo apt-get install wireshark-common',
  probe: (name) => ['-i', name, '-L'],
  arguments: ({ interface: name, snaplen, filter, buffer }) => [
    ...['-i', name, '-q', '-P', '-w', '-', '-B', String(buffer)],
    ...(snaplen === 0 ? [] : ['-s', String(snaplen)]),
    ...(filter === '' ? [] : ['-f', filter]),
  ],
  ready: /^File: /,
  // It asks the kernel four times, and empties its own buffer twice a second.
  latency: 0.75,
  countersSignal: null,
  readCounters(line, counters) {
    const found = line.match(/: (\d+)\/\d+ \(pcap:(\d+)\/dumpcap:(\d+)\/flushed:\d+\/ps_ifdrop:(\d+)\)/);
    if (!found) return;
    const [received, kernel, own, card] = found.slice(1).map(Number) as [number, number, number, number];
    counters.received = received + kernel + own;
    counters.droppedByKernel = kernel + own;
    counters.droppedByInterface = card;
  },
};

const tcpdump: Tool = {
  name: 'tcpdump',
  find: () => findProgram('tcpdump'),
  install: 'sudo apt-get install tcpdump',
  probe: (name) => ['-i', name, '-L'],
  arguments: ({ interface: name, snaplen, filter, buffer }) => [
    ...['-i', name, '-n', '-U', '-w', '-', '-B', String(buffer * 1024)],
    ...(snaplen === 0 ? [] : ['-s', String(snaplen)]),
    // Whatever follows is the filter, even if it begins like an option.
    ...(filter === '' ? [] : ['--', filter]),
  ],
  ready: /listening on /,
  // It asks the kernel once a second.
  latency: 1.25,
  countersSignal: process.platform === 'linux' ? 'SIGUSR1' : 'SIGINFO',
  readCounters(line, counters) {
    for (const [, count, what] of line.matchAll(
      /(\d+) packets? (received by filter|dropped by kernel|dropped by interface)/g,
    )) {
      if (what === 'received by filter') counters.received = Number(count);
      else if (what === 'dropped by kernel') counters.droppedByKernel = Number(count);
      else counters.droppedByInterface = Number(count);
    }
  },
};

const capProcess = fileURLToPath(new URL('./cap-process.js', import.meta.url));

/** Opens the interface within Node. See there for what it cannot do. */
const cap: Tool = {
  name: 'cap',
  find: () => ({ path: process.execPath, executable: true }),
  install: 'npm install cap',
  probe: (name) => [capProcess, name, '-L'],
  arguments: ({ interface: name, snaplen, filter, buffer }) => [
    ...[capProcess, name, String(buffer * 2 ** 20), String(snaplen), filter],
  ],
  ready: /^listening on /,
  latency: 0.25,
  countersSignal: null,
  readCounters() {},
};

/** In the order of preference. */
export const TOOLS: readonly Tool[] = [dumpcap, tcpdump, cap];

/** Where a program is: in PATH, or in the sbin beside a bin there, which not everybody has in theirs. */
export function findProgram(name: string): { path: string; executable: boolean } | null {
  const bins = (process.env.PATH ?? '').split(delimiter);
  const folders = [...bins, ...bins.map((folder) => folder.replace(/\bbin\/?$/, 'sbin'))];
  let found: string | null = null;
  for (const folder of folders) {
    const path = join(folder, name);
    if (folder === '' || !existsSync(path)) continue;
    try {
      accessSync(path, constants.X_OK);
      return { path, executable: true };
    } catch {
      found ??= path;
    }
  }
  return found === null ? null : { path: found, executable: false };
}
