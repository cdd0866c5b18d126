import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Jiti } from 'jiti';
import * as zod from 'zod';
import { z } from 'zod';
import type { Attack } from '../../learning/attack.js';
import type { Defense } from '../../shaping/shaper.js';
import { describeThrown, InputError, lowerFirst, oneLine, suggestion, UsageError } from '../../shared/errors.js';
import { isFile } from '../../shared/files.js';
import { sha256 } from '../../shared/hash.js';
import { describeIssue, firstIssue, valueAt } from '../../shared/issues.js';
import { isKebabCase } from '../../shared/parameters.js';
import type { View } from '../../view/view.js';
import { guardAttack, guardDefense, guardView } from './guard.js';
import { addPlugins, builtIns, type Registry } from './registry.js';

const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs'];

/**
 * Adds the attacks, defenses and views of files, or of packages that are installed in or above the working folder. TypeScript is stripped
 * of its types, not checked. In such a file `homeveil`, `homeveil/plugin` and `zod` are those of this process, wherever the file lies.
 * @param paths as written after `--plugin`
 * @throws UsageError if there is no such file, or a name is taken; InputError if it does not load or holds no plug-in
 */
export async function loadPlugins(paths: readonly string[], registry: Registry = builtIns): Promise<Registry> {
  for (const path of paths) {
    const { file, plugins } = await loadFile(path);
    try {
      registry = addPlugins({ ...plugins, files: [{ path, sha256: sha256(readFileSync(file)) }] }, registry);
    } catch (thrown) {
      throw thrown instanceof UsageError ? new UsageError(`${path}: ${thrown.message}`) : thrown;
    }
  }
  return registry;
}

type Plugins = Pick<Registry, 'attacks' | 'defenses' | 'views'>;

async function loadFile(path: string): Promise<{ file: string; plugins: Plugins }> {
  const [plugin, { createJiti }] = await Promise.all([import('homeveil/plugin'), import('jiti')]);
  const isPath = looksLikePath(path);
  const options = {
    // Or a package would get a homeveil of its own.
    transformModules: isPath ? [] : [path],
    interopDefault: false,
    // Nothing is left behind in the user's folders.
    fsCache: false,
  };
  let isLibraryAsked = false;
  const known = {
    'homeveil/plugin': plugin,
    zod,
    get homeveil() {
      isLibraryAsked = true;
      throw new InputError('homeveil is not loaded yet');
    },
  };
  const create = (virtualModules: Record<string, unknown>) =>
    createJiti(join(process.cwd(), 'homeveil'), { ...options, virtualModules });
  let jiti = create(known);
  const file = isPath ? resolveFile(path) : resolvePackage(path, jiti);
  const load = async () => {
    // A file that has changed since this process loaded it is loaded again; what it imports is not.
    delete jiti.cache[file];
    return jiti.import(file);
  };
  let module: unknown;
  try {
    module = await load().catch(async (thrown) => {
      if (!isLibraryAsked) throw thrown;
      // The whole library takes longer to load than what a plug-in needs of it.
      jiti = create({ 'homeveil/plugin': plugin, zod, homeveil: await import('homeveil') });
      return load();
    });
  } catch (thrown) {
    throw new InputError(`${path}: ${describeImportError(thrown)}`, { cause: thrown });
  }
  return { file, plugins: pluginsIn(module, path) };
}

function looksLikePath(path: string): boolean {
  return path.startsWith('.') || isAbsolute(path) || EXTENSIONS.includes(extname(path)) || isFile(path);
}

function resolveFile(path: string): string {
  const file = resolve(path);
  if (!isFile(file)) {
    const beside = listFolder(dirname(file)).filter((name) => EXTENSIONS.includes(extname(name)));
    throw new UsageError(`--plugin ${path}: there is no such file${suggestion(basename(file), beside)}`);
  }
  if (!EXTENSIONS.includes(extname(file))) {
    throw new UsageError(`--plugin ${path}: expected TypeScript or JavaScript (${EXTENSIONS.join(', ')})`);
  }
  return file;
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function resolvePackage(name: string, jiti: Jiti): string {
  const found = jiti.esmResolve(name, { try: true });
  if (found) return found.startsWith('file:') ? fileURLToPath(found) : found;
  throw new UsageError(
    `--plugin ${name}: there is no file of this name, and no package installed in or above this folder`,
  );
}

/** Describes an error in one line, with the place in the file if it is one of syntax. */
function describeImportError(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : '';
  const syntax = /^ParseError: (.*?)\s+(\S+:\d+:\d+)$/s.exec(message);
  if (syntax) {
    const [, what, place] = syntax;
    return `expected TypeScript or JavaScript, found ${lowerFirst(oneLine(what!))} (${basename(place!)})`;
  }
  if ((thrown as NodeJS.ErrnoException | null)?.code === 'MODULE_NOT_FOUND') {
    return `cannot be loaded: ${lowerFirst(message.split('\n', 1)[0]!)}`;
  }
  return `cannot be loaded: ${describeThrown(thrown)}`;
}

/**
 * Finds the plug-ins among the exports of a module: one or a list of them by default, or `attacks`, `defenses` and `views`.
 * @throws InputError if there is none, or one lacks something
 */
function pluginsIn(module: unknown, path: string): Plugins {
  const exported = Object(module) as Record<'default' | 'attacks' | 'defenses' | 'views', unknown>;
  // A CommonJS module may be the plug-in itself.
  const main = kindOf(module) ? module : exported.default;
  const values = [main, exported.attacks, exported.defenses, exported.views].flatMap((value) => value ?? []);
  if (values.length === 0) {
    const names = Object.entries(exported).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    throw new InputError(
      `${path}: expected a plug-in as the default export (export default defineDefense({ ... })), found ${names.length === 0 ? 'no export' : `only ${names.join(', ')}`}`,
    );
  }
  const found = { attacks: [] as Attack[], defenses: [] as Defense[], views: [] as View[] };
  for (const value of values) {
    const kind = kindOf(value);
    if (!kind) {
      throw new InputError(
        `${path}: expected a defense, with create(), an attack, with fit(), or a view, with select(), found ${shown(value)}`,
      );
    }
    const problem = problemOf(value, SHAPES[kind]);
    if (problem) throw new InputError(`${path}: ${kind}: ${problem}`);
    if (kind === 'attack') found.attacks.push(guardAttack(value as Attack, path));
    else if (kind === 'defense') found.defenses.push(guardDefense(value as Defense, path));
    else found.views.push(guardView(value as View, path));
  }
  return found;
}

function kindOf(value: unknown): 'attack' | 'defense' | 'view' | null {
  const { fit, create, select } = Object(value) as Record<'fit' | 'create' | 'select', unknown>;
  if (typeof fit === 'function') return 'attack';
  if (typeof create === 'function') return 'defense';
  return typeof select === 'function' ? 'view' : null;
}

const method = z.custom((value) => typeof value === 'function', 'expected a function');
const common = {
  name: z.string().refine(isKebabCase, 'expected lower-case words joined by hyphens'),
  summary: z.string(),
  source: z.string(),
  parameters: z.custom(
    (value) => value instanceof z.ZodObject,
    "expected z.object({ ... }) of zod 4 (import { z } from 'zod')",
  ),
};
/** Demands on a plug-in before any of it is called; the conformance checks demand the rest. */
const SHAPES = {
  attack: z.object({ ...common, open: method.optional() }),
  defense: z.object({
    ...common,
    // defineDefense has turned a list into a function by now.
    scope: z.union(
      [z.enum(['flow', 'device', 'home']), method],
      "expected 'flow', 'device', 'home', a function, or a list of them given to defineDefense",
    ),
    removedAt: z.enum(['device', 'gateway', 'tunnel end', 'nowhere']),
    tunnel: method.optional(),
    prepare: method.optional(),
    browsing: method.optional(),
    padsTo: method.optional(),
  }),
  view: z.object({ ...common, perDevice: z.boolean(), carry: method.optional(), live: method.optional() }),
};

function problemOf(value: unknown, shape: z.ZodType): string | null {
  const parsed = shape.safeParse(value);
  if (parsed.success) return null;
  const issue = firstIssue(parsed.error);
  return describeIssue(issue, { found: shown(valueAt(value, issue.path)), brief: true });
}

/** Describes a value in a few words. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return `a function${value.name && ` ${value.name}`}`;
  if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value);
    return keys.length === 0
      ? 'an empty object'
      : `an object with ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ', ...' : ''}`;
  }
  return JSON.stringify(value);
}
