import { benchCommand } from '../../result/command.js';
import type { Result } from '../../result/result.js';
import { type Html, html } from '../kit/escape.js';
import { duration } from '../kit/format.js';

/** The environment of the run, and the command that reproduces it. */
export function renderRun({ tool, environment, spec, dataset, cells }: Result): Html {
  const seconds = cells.reduce(
    (sum, { seconds: { fit, predict, defend } }) => sum + (fit ?? 0) + (predict ?? 0) + (defend ?? 0),
    0,
  );
  const again = spec.live
    ? 'The same command plays the same home again, but no two captures are the same.'
    : dataset.synthetic
      ? 'The same command makes the same home, and the same result file except for the times.'
      : 'The same command on the same captures gives the same result file except for the times. Paths are shown as they were given.';
  return html`<section aria-labelledby="run">
<h2 id="run">Reproduce this</h2>
<p>${again}</p>
<pre tabindex="0"><code>${benchCommand(spec).join(' \\\n  ')}</code></pre>
<details>
<summary>Tool, machine and full specification</summary>
<dl class="properties">
<dt>Tool</dt><dd>${tool.name} ${tool.version}${tool.commit ? html`, commit <code class="hash">${tool.commit}</code>` : ''}</dd>
<dt>Node</dt><dd>${environment.node}</dd>
<dt>Machine</dt><dd>${environment.cpu}, ${environment.cores} cores, ${environment.os}</dd>
<dt>Time spent</dt><dd>${duration(seconds)} defending, training and predicting</dd>
</dl>
<h3>Specification</h3>
<dl class="properties">
${Object.entries(spec).map(([key, value]) => html`<dt>${key}</dt><dd>${inWords(value)}</dd>\n`)}</dl>
</details>
</section>
`;
}

/** A value of the specification on one line: `name: pad, parameters (rule: mtu, size: 1500)`. */
function inWords(value: unknown): string {
  if (value === null || value === undefined) return 'not set';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(nested).join(', ');
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value);
  return entries.length === 0 ? 'none' : entries.map(([key, inner]) => `${key}: ${nested(inner)}`).join(', ');
}

function nested(value: unknown): string {
  return typeof value === 'object' && value !== null ? `(${inWords(value)})` : inWords(value);
}
