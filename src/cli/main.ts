#!/usr/bin/env node
// First of all, before anything that takes time to load: by default a signal ends the process without its 'exit'
// handlers, which remove unfinished files.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
// `homeveil list defenses | head` closes the pipe early: not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const { run } = await import('./commands.js');
process.exitCode = await run(process.argv.slice(2));

export {};
