import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { InputError, suggestion, UsageError } from '../../shared/errors.js';
import { asRoot } from '../as-root.js';
import { ENGINES, type EngineName, type EngineState, explainFailure, isForbidden, probeEngine } from './rights.js';
import { type CaptureCounters, TOOLS, type Tool, type ToolRequest } from './tools.js';

export interface SourceOptions {
  readonly interface: string;
  /** By default the first of dumpcap, tcpdump and cap that may capture. */
  readonly engine?: EngineName;
  /** Bytes of each packet to take; 0, the default, for all. */
  readonly snaplen?: number;
  /** In the language of libpcap; every packet by default. */
  readonly filter?: string;
  /** Of the kernel, in MiB: what packets wait in while nobody fetches them. */
  readonly buffer?: number;
}

/** A capture under way. */
export interface CaptureSource {
  readonly engine: EngineName;
  /** A classic capture as it grows. It ends some time after `stop`, or when the engine fails. */
  readonly stream: Readable;
  /** Seconds that a packet may take from the wire into `stream`. */
  readonly latency: number;
  /** What has been lost so far. Some engines tell only at the end, `cap` never. */
  readonly counters: Readonly<CaptureCounters>;
  /** Asks the engine for its counters, where it can tell them while it captures; they come a little later. */
  askCounters(): void;
  /** Ends the capture. What the engine has not fetched from the kernel by then is not in `stream`: see `latency`. */
  stop(): void;
  /** Counters are complete. Why the engine ended though nobody stopped it, on one line; '' where all is well. Never rejects. */
  readonly ended: Promise<string>;
}

/** Room for almost a second of 20,000 full packets. */
export const DEFAULT_BUFFER = 32;
/** An engine that does not end when asked is killed, after so many milliseconds. */
const PATIENCE = 5000;

/**
 * Opens an interface for capture, and returns once packets are being taken.
 * @throws UsageError for a filter that libpcap does not understand; InputError where the interface is not there, or no engine may
 * capture on it: the message says what to do.
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

/** One line: why none of the engines can capture, and what to do about the one that is nearest to it. */
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

/** Tools that run: they must not outlive this process. */
const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

function openTool(tool: Tool, path: string, request: ToolRequest): Promise<CaptureSource> {
  // In a process group of its own: a Ctrl-C in the terminal is for us, who end it in our own time.
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
