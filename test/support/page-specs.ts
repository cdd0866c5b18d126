/** A figure's Vega-Lite specification as whoever reads the page puts it together. */
export interface FoundSpec {
  readonly kind: string;
  readonly spec: Spec;
}

// biome-ignore lint/suspicious/noExplicitAny: any JSON
type Spec = any;

const SCRIPT =
  /<script type="application\/json(-patch\+json)?" class="vega-lite" (?:id|data-base)="([a-z0-9-]+)-spec">(.*?)<\/script>/gs;

/** All specifications of a page, in its order; of patches (RFC 6902) `replace` is all there is. */
export function specsOf(page: string): FoundSpec[] {
  const whole = new Map<string, string>();
  return [...page.matchAll(SCRIPT)].map(([, isPatch, kind, json]) => {
    if (!isPatch) {
      whole.set(kind!, json!);
      return { kind: kind!, spec: JSON.parse(json!) };
    }
    const root = { '': JSON.parse(whole.get(kind!)!) };
    for (const { op, path, value } of JSON.parse(json!) as { op: string; path: string; value: unknown }[]) {
      if (op !== 'replace') throw new Error(`expected replace, found ${op}`);
      const keys = path.split('/').map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
      const parent = keys.slice(0, -1).reduce((at, key) => at[key], root as Spec);
      if (!Object.hasOwn(parent, keys.at(-1)!)) throw new Error(`there is no ${path}`);
      parent[keys.at(-1)!] = value;
    }
    return { kind: kind!, spec: root[''] };
  });
}
