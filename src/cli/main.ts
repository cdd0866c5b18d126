#!/usr/bin/env node
import { handleSignals } from './interrupt.js';

// First of all, before anything that takes time to load.
handleSignals();
// `homeveil list defenses | head` closes the pipe early: not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const { run } = await import('./commands.js');
process.exitCode = await run(process.argv.slice(2));
