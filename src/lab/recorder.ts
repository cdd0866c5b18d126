import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { explainFailure } from '../live/capture/rights.js';
import { type CaptureCounters, TOOLS } from '../live/capture/tools.js';
import { InputError } from '../shared/errors.js';
import type { Host } from './namespaces.js';

/** A running capture on an interface of the lab. */
export interface Recorder {
  readonly file: string;
  /**
   * Ends the capture once the packets under way have been written.
   * @returns number of packets that were lost
   * @throws InputError where the capture has ended by itself
   */
  stop(): Promise<number>;
}

/** Size of the kernel's buffer in MiB. */
const BUFFER = 32;

/**
 * Begins to capture on a host.
 * @param snaplen bytes kept of each packet
 * @throws InputError where neither dumpcap nor tcpdump is installed and may capture
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
      // The interface has gone: its VPN has died, for example.
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
