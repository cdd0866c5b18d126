import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const root = new URL('./', import.meta.url);

/**
 * A source file that asks where it lies is told where its build lies: what it starts beside itself, a worker thread or a process, Node can
 * only run as built.
 */
const builtPlace = {
  name: 'built-place',
  enforce: 'pre' as const,
  transform(code: string, id: string) {
    const path = relative(fileURLToPath(root), id);
    // The built-in plug-ins are found beside it, as sources.
    if (path === 'src/harness/plugins/built-ins.ts') return;
    if (!/^(src|attacks|defenses|views)\/.*\.ts$/.test(path) || !code.includes('import.meta.url')) return;
    const place = new URL(`dist/${path.replace(/\.ts$/, '.js')}`, root).href;
    return { code: code.replaceAll('import.meta.url', JSON.stringify(place)), map: null };
  },
};

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
  plugins: [builtPlace],
  // The package's own names, which a plug-in may import.
  resolve: {
    alias: [
      { find: /^homeveil$/, replacement: fileURLToPath(new URL('src/index.ts', root)) },
      { find: /^homeveil\/plugin$/, replacement: fileURLToPath(new URL('src/plugin.ts', root)) },
    ],
  },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: './test/support/temporary.ts',
    reporters: ['default', './test/support/summary.ts'],
    // Live tests wait for clocks and networks of a machine that others may keep busy. The summary names what needed a second try.
    retry: process.env.CI === undefined ? 0 : 1,
    // For `npm run coverage`. What child processes and worker threads run is not counted.
    coverage: { provider: 'v8', include: ['{src,attacks,defenses,views}/**/*.ts'], reporter: ['text-summary', 'html'] },
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
        },
      },
      { extends: true, test: { name: 'mocked', include: [mocked] } },
    ],
  },
});
