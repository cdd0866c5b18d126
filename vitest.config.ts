import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const built = fileURLToPath(new URL('./dist/', import.meta.url));

/** Replaces a module (vi.mock), so needs a process of its own, and the modules loaded by Vite. */
const mocked = 'test/learning/onnx-runtime.test.ts';

/** Whole commands take longest: last, one of them would keep one core waiting for the other. */
class CommandsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isCommand = ({ moduleId }: TestSpecification) => moduleId.includes('/test/cli/');
    const sorted = await super.sort(files);
    return [...sorted.filter(isCommand), ...sorted.filter((file) => !isCommand(file))];
  }
}

export default defineConfig({
  resolve: {
    // Tests read like imports of the sources, but run the built files: the very code users run, worker threads included.
    alias: [{ find: /^(?:\.\.\/)+(src|attacks|defenses)\/(.*)$/, replacement: `${built}$1/$2` }],
  },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/support/summary.ts'],
    // Live tests wait for clocks and networks of a machine that others may keep busy. The summary names what needed a second try.
    retry: process.env.CI === undefined ? 0 : 1,
    pool: 'forks',
    // More than there are cores: tests of the live part wait for clocks and networks.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: CommandsFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'suite',
          include: ['test/**/*.test.ts'],
          exclude: [mocked],
          // A process for each file would spend a sixth of all the time on starting and on loading the same modules.
          isolate: false,
          server: { deps: { external: [/\/dist\//] } },
        },
      },
      { extends: true, test: { name: 'mocked', include: [mocked] } },
    ],
  },
});
