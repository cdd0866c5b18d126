import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const built = fileURLToPath(new URL('./dist/', import.meta.url));

export default defineConfig({
  resolve: {
    // Tests read like imports of the sources, but run the built files: the very code users run, worker threads included.
    alias: [{ find: /^(?:\.\.\/)+(src|attacks|defenses)\/(.*)$/, replacement: `${built}$1/$2` }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // More than there are cores: tests of the live part wait for clocks and networks.
    maxWorkers: availableParallelism() + 1,
  },
});
