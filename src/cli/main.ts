#!/usr/bin/env node
import { handleSignals } from './interrupt.js';
import { isSupervised, supervise } from './supervise.js';

// `homeveil list defenses | head` closes the pipe early: not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const argv = process.argv.slice(2);
if (isSupervised(argv)) {
  process.exitCode = await supervise(argv);
} else {
  // Before anything that takes time to load.
  handleSignals();
  const { run } = await import('./commands.js');
  process.exitCode = await run(argv);
}
