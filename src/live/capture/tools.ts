import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Counters of the capturing program and the kernel; null for a counter that is not known, or not yet. */
export interface CaptureCounters {
  /** Packets that passed the filter, lost ones included. */
  received: number | null;
  /** Packets lost between the kernel and the program's output. */
  droppedByKernel: number | null;
  /** Packets lost by the network card or its driver. */
  droppedByInterface: number | null;
}

export interface ToolRequest {
  readonly interface: string;
  /** Bytes to take of each packet; 0 for all. */
  readonly snaplen: number;
  /** Filter in the language of libpcap (pcap-filter(7)); '' for every packet. */
  readonly filter: string;
  /** Size of the kernel's buffer in MiB. */
  readonly buffer: number;
}

/** A program that writes a classic capture to its standard output as packets arrive. */
export interface Tool {
  readonly name: 'dumpcap' | 'tcpdump' | 'cap';
  /** Finds the program, and whether this user may run it; null where there is none. */
  find(): { readonly path: string; readonly executable: boolean } | null;
  /** Command that installs it. */
  readonly install: string;
  arguments(request: ToolRequest): string[];
  /** Arguments with which it only opens and closes an interface. */
  probe(interfaceName: string): string[];
  /** Matches the line on stderr that it prints once it captures. */
  readonly ready: RegExp;
  /** Seconds that a packet may take from the wire to our end of the pipe, on an idle machine. */
  readonly latency: number;
  /** Signal that makes it print its counters during a capture; null where there is none. */
  readonly countersSignal: NodeJS.Signals | null;
  /** Reads counters from a line of stderr, where it holds any. */
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
  // It reads from the kernel four times a second, and empties its own buffer twice.
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
    // All that follows is the filter, even if it begins like an option.
    ...(filter === '' ? [] : ['--', filter]),
  ],
  ready: /listening on /,
  // It reads from the kernel once a second.
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

/** The npm package `cap` in a Node process; cap-process.ts states its limits. */
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

/** Tools in order of preference. */
export const TOOLS: readonly Tool[] = [dumpcap, tcpdump, cap];

/** Finds a program in PATH, or in the sbin folder beside a bin folder of PATH, which may be missing from PATH. */
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
