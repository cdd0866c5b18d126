import { type Html, html } from '../kit/escape.js';
import { count, counted } from '../kit/format.js';

/** Kinds shown. The rest is folded, so that the findings stay on the first screen. */
const SHOWN = 6;
/** Least share of words that two warnings of a kind have in common, in order. */
const ALIKE = 0.6;

/** A warning that a run gives about its numbers. */
export interface Warning {
  /** The settings of a study that give it; '' if all do. */
  readonly where: string;
  readonly text: string;
}

/** One warning of each kind; the others of that kind are folded under it. */
export function renderWarnings(warnings: readonly Warning[]): Html {
  if (warnings.length === 0) return html``;
  const kinds = groupWarnings(warnings);
  const items = kinds.map(
    ([first, ...others]) =>
      html`<li>${wordsOf(first!)}${
        others.length > 0
          ? html`<details><summary>${count(others.length)} more of this kind</summary><ul>${others.map((one) => html`<li>${wordsOf(one)}</li>`)}</ul></details>`
          : ''
      }</li>`,
  );
  const rest = items.slice(SHOWN);
  const title =
    kinds.length < warnings.length
      ? `${counted(warnings.length, 'warning')} of ${counted(kinds.length, 'kind')}`
      : counted(warnings.length, 'warning');
  return html`<section class="notice" aria-labelledby="warnings">
<h2 id="warnings">${title}</h2>
<ul>${items.slice(0, SHOWN)}</ul>
${rest.length > 0 ? html`<details><summary>${counted(rest.length, kinds.length < warnings.length ? 'more kind' : 'more warning')}</summary><ul>${rest}</ul></details>` : ''}
</section>
`;
}

export const wordsOf = ({ where, text }: Warning): string => (where === '' ? text : `${where}: ${text}`);

/** Groups warnings that differ only in names and numbers, in the order of the first of each kind. */
export function groupWarnings(warnings: readonly Warning[]): Warning[][] {
  const kinds: { words: readonly string[]; warnings: Warning[] }[] = [];
  for (const warning of warnings) {
    const words = warning.text.replaceAll(/\d+/g, '0').split(/\s+/);
    const kind = kinds.find((one) => likeness(one.words, words) >= ALIKE);
    if (kind) kind.warnings.push(warning);
    else kinds.push({ words, warnings: [warning] });
  }
  return kinds.map((kind) => kind.warnings);
}

/** Dice's coefficient of the longest common subsequence: 1 for the same words, 0 for no common word. */
function likeness(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const next = [0];
    for (const [j, other] of b.entries()) next.push(word === other ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!));
    row = next;
  }
  return (2 * row[b.length]!) / (a.length + b.length);
}
