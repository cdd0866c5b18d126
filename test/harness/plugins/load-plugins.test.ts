import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadModel, saveModel } from '../../../src/harness/observer/model-folder.js';
import { runTraining } from '../../../src/harness/observer/train.js';
import { loadPlugins } from '../../../src/harness/plugins/load-plugins.js';
import { addPlugins, builtIns, resolveDefense } from '../../../src/harness/plugins/registry.js';
import { runBench } from '../../../src/harness/run.js';
import { resolveSpec, resolveTraining } from '../../../src/harness/spec.js';
import { generateHome } from '../../../src/home/home.js';
import { shape } from '../../../src/shaping/simulate.js';
import { InputError, PluginError, UsageError } from '../../../src/shared/errors.js';
import { createRng } from '../../../src/shared/rng.js';
import napt from '../../../views/napt.js';
import { temporaryFolder } from '../../support/run-cli.js';

let folder: string;
const home = process.cwd();
beforeEach(() => {
  folder = temporaryFolder();
  process.chdir(folder);
});
afterEach(() => process.chdir(home));

/** Writes files, by name, and gives the name of the first. */
function write(files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return Object.keys(files)[0]!;
}

/** The text of a defense that forwards, with another shaper or other keys. */
const defense = (name: string, { packet = 'link.send(p, p.length)', more = '' } = {}) => `defineDefense({
  name: '${name}', summary: 'Forwards.', source: 'a test', scope: 'home', removedAt: 'nowhere',
  parameters: z.object({ extra: z.int().min(0).max(9).default(0).describe('bytes added') }),
  create: ({ extra }) => ({ packet: (p, link) => ${packet} }),
  ${more}
})`;
const imports = "import { defineAttack, defineDefense, UsageError, z } from 'homeveil';\n";

async function messageOf(body: () => Promise<unknown>): Promise<string> {
  try {
    await body();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message.replaceAll(folder, '/folder')}`;
  }
  return 'no error';
}

describe('a plug-in file', () => {
  test('is TypeScript, may import its own files, and is known with its hash', async () => {
    const path = write({
      'mine.ts': `${imports}import { more } from './more.js';
        interface Unused { readonly a: number }
        export default ${defense('mine', { packet: 'link.send(p, p.length + extra + more)' })};`,
      'more.ts': 'export const more: number = 2;',
    });
    const registry = await loadPlugins([`./${path}`]);
    expect(registry.files).toEqual([
      { path: './mine.ts', sha256: createHash('sha256').update(readFileSync(path)).digest('hex') },
    ]);
    expect(registry.defenses.slice(0, -1)).toEqual(builtIns.defenses);
    const trace = generateHome({ hours: 0.01, seed: 1 });
    const { parameters } = resolveDefense('mine:extra=3', registry).parts[0]!;
    const defended = shape(trace, registry.defenses.at(-1)!, parameters, { rng: createRng(1) });
    expect([...defended.trace.length]).toEqual([...trace.length].map((length) => length + 5));
  });

  test('may hold several, as a list or by name', async () => {
    const registry = await loadPlugins([
      write({ 'a.mts': `${imports}export default [${defense('one')}, ${defense('two')}];` }),
      write({
        'b.mjs': `${imports}export const defenses = [${defense('three')}];
          export const attacks = [defineAttack({ name: 'four', summary: 's', source: 's', parameters: z.object({}), fit() {} })];`,
      }),
      write({ 'c.js': `const { defineDefense, z } = require('homeveil'); module.exports = ${defense('five')};` }),
    ]);
    const names = (plugins: readonly { name: string }[]) => plugins.map(({ name }) => name);
    expect(names(registry.defenses).slice(builtIns.defenses.length)).toEqual(['one', 'two', 'three', 'five']);
    expect(names(registry.attacks).slice(builtIns.attacks.length)).toEqual(['four']);
    expect(registry.files.map(({ path }) => path)).toEqual(['a.mts', 'b.mjs', 'c.js']);
  });

  test('may hold a view, and import homeveil/plugin and zod from any folder', async () => {
    const path = write({
      'mine.ts': `import { defineView, outsideGateway } from 'homeveil/plugin';
        import { z } from 'zod';
        export default defineView({ name: 'mine', summary: 's', source: 's', parameters: z.object({}), perDevice: false,
          select: outsideGateway });`,
    });
    const registry = await loadPlugins([path]);
    expect(registry.views.map(({ name }) => name)).toEqual([...builtIns.views.map(({ name }) => name), 'mine']);
    const trace = generateHome({ hours: 0.01, seed: 1 });
    const seen = (name: string) =>
      registry.views.find((view) => view.name === name)!.select(trace, createRng(1)).packets;
    expect(seen('mine')).toBe(seen('napt'));
  });

  test('may import the library by way of a file of its own', async () => {
    const path = write({
      'main.ts': `import { forward } from './forward.ts'; export default forward;`,
      'forward.ts': `${imports}export const forward = ${defense('forward')};`,
    });
    expect((await loadPlugins([path])).defenses.at(-1)!.name).toBe('forward');
  });

  test('may be a package, which gets this very homeveil too', async () => {
    write({
      'node_modules/homeveil-mine/package.json':
        '{ "name": "homeveil-mine", "type": "module", "exports": "./main.js" }',
      'node_modules/homeveil-mine/main.js': `${imports}export default ${defense('mine', {
        packet: "{ throw new UsageError('mine: as we say it here') }",
      })};`,
    });
    const registry = await loadPlugins(['homeveil-mine']);
    expect(registry.files).toMatchObject([{ path: 'homeveil-mine' }]);
    const run = async () =>
      shape(generateHome({ hours: 0.01, seed: 1 }), registry.defenses.at(-1)!, { extra: 0 }, { rng: createRng(1) });
    // From a second copy of homeveil it would be another UsageError, and so a PluginError.
    await expect(run).rejects.toThrow(UsageError);
  });

  test.each<[string, RegExp, Record<string, string>]>([
    [
      'a missing file',
      /^UsageError: --plugin hodl\.ts: there is no such file \(did you mean "hold\.ts"\?\)$/,
      { 'hold.ts': '' },
    ],
    [
      'a missing package',
      /^UsageError: --plugin no-such-package: there is no file of this name, and no package/,
      { 'hold.ts': '' },
    ],
    [
      'another kind of file',
      /^UsageError: --plugin \.\/a\.csv: expected TypeScript or JavaScript/,
      { './a.csv': 'mac' },
    ],
    [
      'an error of syntax',
      /^InputError: a\.ts: expected TypeScript or JavaScript, found unexpected token, expected "," \(a\.ts:3:2\)$/,
      { 'a.ts': 'export default {\n  a: 1\n  b: 2\n};' },
    ],
    [
      'an exception as it loads',
      /^InputError: a\.ts: cannot be loaded: TypeError: .*'length'.* \(a\.ts:3:\d+\)$/,
      { 'a.ts': `${imports}const nothing: string[] = JSON.parse('null');\nexport default nothing.length;` },
    ],
    [
      'an import that is not there',
      /^InputError: a\.ts: cannot be loaded: cannot find module '\.\/b\.js'$/,
      { 'a.ts': "import './b.js';" },
    ],
    [
      'no export',
      /^InputError: a\.ts: expected a plug-in as the default export .*, found no export$/,
      { 'a.ts': 'const a = 1;' },
    ],
    ['only other exports', /, found only a, b$/, { 'a.ts': 'export const a = 1, b = 2;' }],
    [
      'another default export',
      /^InputError: a\.ts: expected a defense, with create\(\), an attack, with fit\(\), or a view, with select\(\), found an object with size$/,
      { 'a.ts': 'export default { size: 3 };' },
    ],
    ['a function', /, found a function hold$/, { 'a.ts': 'export default function hold() {}' }],
    [
      'an unknown scope',
      /^InputError: a\.ts: defense: scope: expected 'flow', 'device', 'home', a function, or a list of them given to defineDefense, found "house"$/,
      { 'a.ts': `${imports}export default ${defense('mine', { more: "scope: 'house'," })};` },
    ],
    [
      'no parameters',
      /^InputError: a\.ts: defense: parameters: expected z\.object\(.*found an object with delay$/,
      { 'a.ts': `${imports}export default ${defense('mine', { more: 'parameters: { delay: 1 },' })};` },
    ],
    [
      'a name that cannot be written in a request',
      /^InputError: a\.ts: defense: name: expected lower-case words joined by hyphens, found "a\+b"$/,
      { 'a.ts': `${imports}export default ${defense('a+b')};` },
    ],
    [
      'the name of a built-in',
      /^UsageError: a\.ts: defense "pad": a built-in one has this name; expected another$/,
      { 'a.ts': `${imports}export default ${defense('pad')};` },
    ],
    [
      'the name of a built-in view',
      /^UsageError: a\.ts: view "napt": a built-in one has this name; expected another$/,
      {
        'a.ts': `${imports}export default { name: 'napt', summary: 's', source: 's', parameters: z.object({}), perDevice: false,
          select: (trace) => trace };`,
      },
    ],
    [
      'a view that does not say from where it looks',
      /^InputError: a\.ts: view: perDevice: expected boolean, .*found nothing$/,
      {
        'a.ts': `${imports}export default { name: 'mine', summary: 's', source: 's', parameters: z.object({}), select() {} };`,
      },
    ],
    [
      'one name twice',
      /^UsageError: a\.ts: defense "mine": another plug-in has this name; expected another$/,
      { 'a.ts': `${imports}export default [${defense('mine')}, ${defense('mine')}];` },
    ],
  ])('%s is refused in one line', async (what, message, files) => {
    const written = write(files);
    const path = what === 'a missing file' ? 'hodl.ts' : what === 'a missing package' ? 'no-such-package' : written;
    const found = await messageOf(() => loadPlugins([path]));
    expect(found).toMatch(message);
    expect(found).not.toContain('\n');
  });

  test('is loaded again where it has changed', async () => {
    for (const name of ['one', 'two']) {
      const { defenses, files } = await loadPlugins([write({ 'a.ts': `${imports}export default ${defense(name)};` })]);
      expect(defenses.at(-1)!.name).toBe(name);
      expect(files[0]!.sha256).toBe(createHash('sha256').update(readFileSync('a.ts')).digest('hex'));
    }
  });

  test('a near miss of its name is suggested', async () => {
    const registry = await loadPlugins([write({ 'a.ts': `${imports}export default ${defense('mine')};` })]);
    expect(() => resolveDefense('mien', registry)).toThrow(
      /^no defense is called "mien" \(did you mean "mine"\?\); there is none, /,
    );
    expect(() => resolveDefense('mine')).toThrow(/^no defense is called "mine"/);
  });
});

describe('what a plug-in throws', () => {
  const trace = generateHome({ hours: 0.01, seed: 1 });
  const run = async (text: string) => {
    const { defenses } = await loadPlugins([write({ 'a.ts': `${imports}export default ${text};` })]);
    return messageOf(async () => shape(trace, defenses.at(-1)!, { extra: 0 }, { rng: createRng(1) }));
  };

  test.each([
    ['its shaper', { packet: 'p.nothing.more' }],
    ['its create', { more: 'create() { return null.packet; },' }],
    ['its scope', { more: 'scope: () => null.scope,' }],
    ['its tunnel', { more: 'tunnel: () => null.tunnel,' }],
  ])('in %s is one line that names it', async (_, text) => {
    expect(await run(defense('mine', text))).toMatch(
      /^PluginError: defense mine \(a\.ts\): TypeError: Cannot read properties of (undefined|null) \(reading '\w+'\) \(a\.ts:\d+:\d+\)$/,
    );
  });

  test('in a view, or in what it carries packets in, too', async () => {
    const view = (
      more: string,
    ) => `{ name: 'mine', summary: 's', source: 's', parameters: z.object({}), perDevice: false,
      select: (trace) => trace, ${more} }`;
    const load = async (name: string, more: string) =>
      (await loadPlugins([write({ [name]: `${imports}export default ${view(more)};` })])).views.at(-1)!;
    const selecting = await load('select.ts', 'select: () => null.more,');
    const message = /^view mine \(select\.ts\): TypeError: .* \(select\.ts:\d+:\d+\)$/;
    expect(() => selecting.select(trace, createRng(1))).toThrow(message);
    const inner = defense('inner', { packet: 'p.nothing.more' });
    const { defense: carrier } = (await load('carry.ts', `carry: () => ({ defense: ${inner}, parameters: {} }),`))
      .carry!({})!;
    expect(() => shape(trace, carrier, {}, { rng: createRng(1) })).toThrow(/^defense inner \(carry\.ts\): TypeError: /);
  });

  test('an expected fault stays as it is', async () => {
    expect(await run(defense('mine', { packet: "{ throw new UsageError('mine: extra: expected less') }" }))).toBe(
      'UsageError: mine: extra: expected less',
    );
    expect(await run(defense('mine', { packet: 'undefined' }))).toMatch(
      /^DefenseError: defense mine: came to its end with/,
    );
  });

  test('in an attack, too, but for the reason of an aborted signal', async () => {
    const attack = (fit: string) =>
      `defineAttack({ name: 'mine', summary: 's', source: 's', parameters: z.object({}), ${fit} })`;
    const load = async (name: string, fit: string) =>
      (await loadPlugins([write({ [name]: `${imports}export default ${attack(fit)};` })])).attacks.at(-1)!;
    const fitting = await load('fit.ts', 'fit: (train) => train.nothing.more');
    const message = /^attack mine \(fit\.ts\): TypeError: .* \(fit\.ts:\d+:\d+\)$/;
    await expect(fitting.fit({} as never, {} as never, {} as never)).rejects.toThrow(message);
    await expect(fitting.fit({} as never, {} as never, {} as never)).rejects.toThrow(PluginError);
    const predicting = await load('predict.ts', 'fit: async () => ({ predict: () => null.more })');
    const identifier = await predicting.fit({} as never, {} as never, {} as never);
    await expect(identifier.predict({} as never)).rejects.toThrow(PluginError);
    const stopping = await load('stop.ts', 'fit: async (a, b, { signal }) => { throw signal.reason }');
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(stopping.fit({} as never, {} as never, { signal } as never)).rejects.toBe(reason);
  });
});

describe('a registry', () => {
  const request = { hours: 0.2, minimumPackets: 20, adversaries: ['adaptive' as const] };

  test('takes defenses that are in no file, and leaves what is built in as it was', async () => {
    const [none] = builtIns.defenses;
    const plugins = addPlugins({ defenses: [{ ...none!, name: 'nothing' }] });
    const spec = resolveSpec(
      { ...request, attacks: ['random-forest:trees=3'], defenses: ['none', 'nothing'] },
      plugins,
    );
    expect(spec.plugins).toEqual([]);
    const { cells } = await runBench(spec, { plugins, threads: 1 });
    expect(cells.map(({ defense }) => defense)).toEqual(['none', 'nothing']);
    expect(cells[1]!.cost).toEqual(cells[0]!.cost);
    expect(builtIns.defenses.some(({ name }) => name === 'nothing')).toBe(false);
    expect(() => addPlugins({ defenses: [none!] })).toThrow(UsageError);
  });

  test('is needed again to open a model of an attack of it', async () => {
    const path = write({
      'mine.ts': `import { attacks } from 'homeveil';
        export default { ...attacks.find(({ name }) => name === 'random-forest')!, name: 'mine' };`,
    });
    const plugins = await loadPlugins([path]);
    const spec = resolveTraining({ hours: 0.2, minimumPackets: 20, attack: 'mine:trees=3' }, plugins);
    const trained = await runTraining(spec, { plugins, threads: 1 });
    saveModel('model', trained);
    expect(trained.card.plugins).toEqual(plugins.files);
    expect((await loadModel('model', { plugins, threads: 1 })).card).toEqual(trained.card);
    const opening = loadModel('model', { threads: 1 });
    await expect(opening).rejects.toThrow(InputError);
    await expect(opening).rejects.toThrow(/known here, found "mine"; it was trained with --plugin mine\.ts$/);
    const other = addPlugins({ attacks: plugins.attacks.slice(-1), views: [{ ...napt, name: 'elsewhere' }] });
    const elsewhere = resolveTraining(
      { hours: 0.2, minimumPackets: 20, attack: 'mine:trees=3', view: 'elsewhere' },
      other,
    );
    saveModel('model', await runTraining(elsewhere, { plugins: other, threads: 1 }));
    expect((await loadModel('model', { plugins: other, threads: 1 })).view.view.name).toBe('elsewhere');
    await expect(loadModel('model', { plugins, threads: 1 })).rejects.toThrow(
      /expected a model of a view that is known/,
    );
  });
});
