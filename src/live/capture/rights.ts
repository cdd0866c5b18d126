import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { TOOLS, type Tool } from './tools.js';

export type EngineName = Tool['name'];
/** Engines in order of preference. */
export const ENGINES: readonly EngineName[] = TOOLS.map(({ name }) => name);

/** Whether an engine can capture on an interface now, and how to allow it where it cannot. */
export interface EngineState {
  readonly engine: EngineName;
  /** Path of the program; null where there is none. */
  readonly path: string | null;
  readonly state: 'ready' | 'absent' | 'forbidden' | 'failed';
  /** Problem in one line; '' where there is none. */
  readonly problem: string;
  /** Shell commands, each of which may solve the problem. */
  readonly cure: readonly string[];
}

/** Tries whether an engine can open an interface, without taking a packet. */
export async function probeEngine(engine: EngineName, interfaceName: string): Promise<EngineState> {
  const tool = TOOLS.find(({ name }) => name === engine)!;
  const program = tool.find();
  const absent = (problem: string): EngineState => ({
    ...{ engine, path: null, state: 'absent', problem, cure: [tool.install] },
  });
  if (program === null) return absent(`${engine} is not installed`);
  const { path } = program;
  const forbidden = (problem: string, cure: readonly string[]): EngineState => ({
    ...{ engine, path, state: 'forbidden', problem, cure },
  });
  if (!program.executable) return forbidden(`${userName()} may not run ${path}`, joinGroup(path));
  const { code, output } = await runProgram(path, tool.probe(interfaceName));
  if (code === 0) return { engine, path, state: 'ready', problem: '', cure: [] };
  // The right is not given to Node permanently, since every program that Node runs would have it.
  if (isForbidden(output)) return forbidden(`${engine} may not capture`, engine === 'cap' ? [] : rightsFor(path));
  const problem = explainFailure(engine, output);
  if (problem.includes('is not installed')) return absent(problem);
  return { engine, path, state: 'failed', problem, cure: [] };
}

export function isForbidden(output: string): boolean {
  return /permission|not permitted/i.test(output);
}

/** First line of a program's error messages, without the program's name. */
export function explainFailure(engine: string, output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const [line = ''] = lines.filter((text) => text !== '' && !/^(Capturing on|File: |listening on)/.test(text));
  // The message of libpcap is in the parentheses.
  const inner = line.match(/\(pcap_activate\(\) failed: (.*)\)\.?$/)?.[1];
  return inner ?? (line.replace(new RegExp(`^${engine}: `), '') || `${engine} ended without a word`);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? ''}`.trim();
  }
}

/** Command to join the group that may run dumpcap, on Debian and Fedora. */
function joinGroup(path: string): string[] {
  return [`sudo usermod -a -G "$(stat -c %G ${path})" ${userName()}   # then log in again`];
}

/** CAP_NET_RAW and CAP_NET_ADMIN as bits of a set of capabilities (capabilities(7)). */
const NET_RAW = 1n << 13n;
const NET_ADMIN = 1n << 12n;

/** Command that gives a program the right to capture, as far as this machine or container has that right. */
function rightsFor(path: string): string[] {
  const bounds = boundingSet();
  if ((bounds & NET_RAW) === 0n) return ['start this container with --cap-add=NET_RAW'];
  // A program with a capability beyond the bounding set cannot be started at all.
  const capabilities = (bounds & NET_ADMIN) === 0n ? 'cap_net_raw' : 'cap_net_raw,cap_net_admin';
  return [`sudo setcap ${capabilities}+eip ${path}`];
}

/** Bounding set of capabilities of this process; all capabilities where it is unknown. */
function boundingSet(): bigint {
  try {
    const found = readFileSync('/proc/self/status', 'utf8').match(/^CapBnd:\s*([0-9a-f]+)/m);
    if (found) return BigInt(`0x${found[1]}`);
  } catch {
    // The system is not Linux.
  }
  return ~0n;
}

function runProgram(path: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.once('error', ({ message }) => resolve({ code: -1, output: message }));
    child.once('close', (code) => resolve({ code, output }));
  });
}
