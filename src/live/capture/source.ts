import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { InputError, suggestion, UsageError } from '../../shared/errors.js';
import { asRoot } from '../as-root.js';
import { ENGINES, type EngineName, type EngineState, explainFailure, isForbidden, probeEngine } from './rights.js';
import { type CaptureCounters, TOOLS, type Tool, type ToolRequest } from './tools.js';

export interface SourceOptions {
  readonly interface: string;
  /** Capturing program; by default the first of dumpcap, tcpdump and cap that may capture. */
  readonly engine?: EngineName;
  /** Bytes to take of each packet; 0, the default, for all. */
  readonly snaplen?: number;
  /** Filter in the language of libpcap; every packet by default. */
  readonly filter?: string;
  /** Size of the kernel's buffer for packets that wait, in MiB. */
  readonly buffer?: number;
}

/** A running capture. */
export interface CaptureSource {
  readonly engine: EngineName;
  /** A growing classic capture. It ends some time after `stop`, or when the engine fails. */
  readonly stream: Readable;
  /** Seconds that a packet may take from the wire into `stream`. */
  readonly latency: number;
  /** Losses so far. Some engines report them only at the end, `cap` never. */
  readonly counters: Readonly<CaptureCounters>;
  /** Asks the engine for its counters, where it can report them during a capture; they arrive a little later. */
  askCounters(): void;
  /** Ends the capture. Packets that the engine has not fetched from the kernel by then are lost; see `latency`. */
  stop(): void;
  /** Resolves when the engine has ended and counters are complete: with '', or with one line on why it ended by itself. Never rejects. */
  readonly ended: Promise<string>;
}

/** Default size of the kernel's buffer in MiB: almost a second of 20,000 full packets per second. */
export const DEFAULT_BUFFER = 32;
/** Milliseconds after which an engine that does not end when asked is killed. */
const PATIENCE = 5000;

/**
 * Opens an interface for capture, and returns once the engine takes packets.
 * @throws UsageError for a filter that libpcap does not understand; InputError where the interface does not exist, or no engine may
 * capture on it: the message says how to allow it.
 */
export async function openCapture(options: SourceOptions): Promise<CaptureSource> {
  const { interface: name, snaplen = 0, filter = '', buffer = DEFAULT_BUFFER } = options;
  checkInterface(name);
  const engines = options.engine === undefined ? ENGINES : [options.engine];
  const states: EngineState[] = [];
  for (const engine of engines) {
    const state = await probeEngine(engine, name);
    if (state.state !== 'ready') {
      states.push(state);
      continue;
    }
    const request: ToolRequest = { interface: name, snaplen, filter, buffer };
    return openTool(TOOLS.find((tool) => tool.name === engine)!, state.path!, request);
  }
  throw new InputError(`${name}: ${explainStates(states)}`);
}

/** Explains in one line why no engine can capture, and how to allow the one that needs least. */
function explainStates(states: readonly EngineState[]): string {
  const failed = states.find(({ state }) => state === 'failed');
  if (failed) return `${failed.engine}: ${failed.problem}`;
  const forbidden = states.find(({ state }) => state === 'forbidden');
  if (forbidden) {
    const once = forbidden.cure.map((command) => `allow it once: ${command}; or `).join('');
    return `${forbidden.problem}; ${once}run as root: ${asRoot()}`;
  }
  const problems = states.map(({ problem }) => problem).join(', ');
  return `${problems}; for example: ${states[0]!.cure[0]}`;
}

/** @throws InputError where the system has no such interface */
function checkInterface(name: string): void {
  if (name === 'any' || process.platform !== 'linux') return;
  const folder = '/sys/class/net';
  if (!existsSync(folder)) return;
  const known = readdirSync(folder).sort();
  if (known.includes(name)) return;
  const hint = suggestion(name, known) || `; there are ${known.join(', ')}`;
  throw new InputError(`${name}: no such interface${hint}`);
}

/** Running tools, which must not outlive this process. */
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

function openTool(tool: Tool, path: string, request: ToolRequest): Promise<CaptureSource> {
  // The tool gets its own process group, so that Ctrl-C in the terminal reaches only this process, which then stops the tool.
  const child = spawn(path, tool.arguments(request), { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  children.add(child);
  const counters: CaptureCounters = { received: null, droppedByKernel: null, droppedByInterface: null };
  const { stdout: stream, stderr } = child;
  const complaints: string[] = [];
  let isStopped = false;
  let killer: NodeJS.Timeout | undefined;

  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => {
      children.delete(child);
      clearTimeout(killer);
      complaints.push(`ended with ${signal ?? `exit code ${code}`}`);
      resolve(isStopped ? '' : explainFailure(tool.name, complaints.join('\n')));
    });
  });
  const source: CaptureSource = {
    engine: tool.name,
    stream,
    latency: tool.latency,
    counters,
    askCounters() {
      if (tool.countersSignal !== null && !isStopped) child.kill(tool.countersSignal);
    },
    stop() {
      if (isStopped) return;
      isStopped = true;
      child.kill('SIGINT');
      killer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    },
    ended,
  };

  return new Promise((resolve, reject) => {
    let isReady = false;
    let rest = '';
    stderr.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split(/[\r\n]+/);
      rest = lines.pop()!;
      for (const line of lines) {
        tool.readCounters(line, counters);
        if (!isReady && tool.ready.test(line)) {
          isReady = true;
          resolve(source);
        } else if (!isReady || !/packets? (captured|received|dropped)/i.test(line)) complaints.push(line);
      }
    });
    child.once('error', (error) => reject(new InputError(`${path}: cannot be run: ${error.message}`)));
    void ended.then((failure) => {
      if (isReady) return;
      const output = complaints.join('\n');
      if (isForbidden(output))
        reject(new InputError(`${request.interface}: ${tool.name} may not capture here; ${asRoot()}`));
      else if (request.filter !== '' && /filter|expression/i.test(output)) {
        reject(new UsageError(`--filter: ${output.match(/\((can't parse .*)\)/)?.[1] ?? failure}`));
      } else reject(new InputError(`${request.interface}: ${tool.name}: ${failure}`));
    });
  });
}
