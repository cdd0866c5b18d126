import { readdirSync } from 'node:fs';
import type { Attack } from '../../learning/attack.js';
import type { Defense } from '../../shaping/shaper.js';
import type { View } from '../../view/view.js';

/**
 * Finds the built-in plug-ins: each file of attacks/, defenses/ and views/ holds one as its default export. They lie beside `src`, as
 * sources or as built, with the ending of this very file.
 */
async function pluginsIn<T extends { readonly name: string }>(folder: string): Promise<readonly T[]> {
  const place = new URL(`../../../${folder}/`, import.meta.url);
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const files = readdirSync(place).filter((name) => name.endsWith(ending) && !name.endsWith('.d.ts'));
  const modules: { readonly default: T }[] = await Promise.all(files.map((file) => import(new URL(file, place).href)));
  return modules.map((module) => module.default).sort(inOrder);
}

/** Sorts by name, the baseline `none` first. */
function inOrder({ name: a }: { readonly name: string }, { name: b }: { readonly name: string }): number {
  return Number(b === 'none') - Number(a === 'none') || (a < b ? -1 : 1);
}

export const attacks: readonly Attack[] = await pluginsIn('attacks');
export const defenses: readonly Defense[] = await pluginsIn('defenses');
export const views: readonly View[] = await pluginsIn('views');
