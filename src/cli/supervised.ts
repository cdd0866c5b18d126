import { createReadStream } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type EndSignal, handleSignalsFrom } from './interrupt.js';
import type { FromThread, ThreadData } from './supervise.js';

/** The thread of supervise.ts: runs one command line, and obeys the signals that it is told of. */

const { argv, streams } = workerData as ThreadData;
const port = parentPort!;
const tell = (message: FromThread) => port.postMessage(message);

for (const name of ['stdout', 'stderr'] as const) Object.assign(process[name], streams[name]);
// A thread's own is always empty.
Object.defineProperty(process, 'stdin', { get: () => createReadStream('', { fd: 0, autoClose: false }) });

handleSignalsFrom(
  (obey) => {
    port.on('message', (name: EndSignal) => {
      tell({ heard: true });
      obey(name);
    });
    // Alone it keeps no thread alive.
    port.unref();
  },
  (running) => tell({ running }),
);

const { run } = await import('./commands.js');
process.exitCode = await run(argv);
