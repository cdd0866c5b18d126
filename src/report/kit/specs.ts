import type { TopLevelSpec } from 'vega-lite';
import { embedJson, type Html, html } from './escape.js';

/**
 * The Vega-Lite specifications of a page's figures, for readers who want to redraw them. The first figure of each kind has the whole
 * specification. The others, of other settings and observers, have a JSON Patch (RFC 6902) to it, which takes far fewer bytes.
 */
export interface Specs {
  /** @param kind letters, digits and hyphens; figures of one kind differ in little but their data */
  embed(kind: string, spec: TopLevelSpec): Html;
}

export function createSpecs(): Specs {
  const first = new Map<string, Json>();
  return {
    embed(kind, spec) {
      const id = `${kind}-spec`;
      const json: Json = JSON.parse(JSON.stringify(spec));
      const base = first.get(kind);
      if (base !== undefined) {
        return html`<script type="application/json-patch+json" class="vega-lite" data-base="${id}">${embedJson(patchOf(base, json))}</script>
`;
      }
      first.set(kind, json);
      return html`<script type="application/json" class="vega-lite" id="${id}">${embedJson(json)}</script>
`;
    },
  };
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

interface Replacement {
  readonly op: 'replace';
  readonly path: string;
  readonly value: Json;
}

/** A short patch that turns `from` into `to`. */
function patchOf(from: Json, to: Json, path = ''): Replacement[] {
  if (from === to) return [];
  const whole: Replacement[] = [{ op: 'replace', path, value: to }];
  if (!isContainer(from) || !isContainer(to) || Array.isArray(from) !== Array.isArray(to)) return whole;
  const keys = Object.keys(to);
  if (keys.length !== Object.keys(from).length || keys.some((key) => !Object.hasOwn(from, key))) return whole;
  const parts = keys.flatMap((key) =>
    patchOf(from[key]!, to[key]!, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  );
  return JSON.stringify(parts).length < JSON.stringify(whole).length ? parts : whole;
}

function isContainer(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null;
}
