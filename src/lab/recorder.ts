import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { explainFailure } from '../live/capture/rights.js';
import { type CaptureCounters, TOOLS } from '../live/capture/tools.js';
import { InputError } from '../shared/errors.js';
import type { Host } from './namespaces.js';

/** A capture of an interface of the lab, under way. */
export interface Recorder {
  readonly file: string;
  /**
   * Ends it, when what is on its way has been written.
   * @returns packets that were lost
   * @throws InputError where it has ended by itself
   */
  stop(): Promise<number>;
}

/** MiB in the kernel. */
const BUFFER = 32;

/**
 * Begins to capture on a host.
 * @param snaplen bytes of each packet
 * @throws InputError where neither dumpcap nor tcpdump is there, or may capture
 */
export async function startRecorder(
  host: Host,
  name: string,
  file: string,
  { snaplen, filter = '' }: { readonly snaplen: number; readonly filter?: string },
): Promise<Recorder> {
  const tool = TOOLS.find((one) => one.name !== 'cap' && one.find()?.executable);
  if (!tool) throw new InputError(`live: expected dumpcap or tcpdump, found neither; ${TOOLS[0]!.install}`);
  const output = openSync(file, 'w');
  const child = host.start(tool.find()!.path, tool.arguments({ interface: name, snaplen, filter, buffer: BUFFER }), {
    stdio: ['ignore', output, 'pipe'],
  });
  closeSync(output);
  const counters: CaptureCounters = { received: null, droppedByKernel: null, droppedByInterface: null };
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      printed += chunk;
      for (const line of printed.split('\n')) {
        if (tool.ready.test(line)) resolve();
        tool.readCounters(line, counters);
      }
    });
    child.once('error', reject);
    child.once('exit', () => reject(new InputError(`live: ${explainFailure(tool.name, printed)}`)));
  });
  return {
    file,
    async stop() {
      await pause(tool.latency * 1000);
      // Its interface is gone, with whatever made it: a VPN that has died.
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new InputError(`live: the capture of ${name} ended early: ${explainFailure(tool.name, printed)}`);
      }
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      await ended;
      return (counters.droppedByKernel ?? 0) + (counters.droppedByInterface ?? 0);
    },
  };
}
