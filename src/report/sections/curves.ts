import type { Result } from '../../result/result.js';
import { breakable, type Html, html } from '../kit/escape.js';
import type { OverTime } from '../over-time.js';
import { attacksOf } from '../reading.js';

/** The mark at the end of a curve: the number of its attack where there are several. */
export function markOf(result: Result, { attack }: OverTime<unknown>): string {
  const attacks = attacksOf([result]);
  return attacks.length > 1 ? String(attacks.indexOf(attack) + 1) : '';
}

/** Says which lines are dashed, which are solid, and what the numbers stand for. */
export function lineWords(result: Result, all: readonly OverTime<unknown>[]): Html {
  const defended = all.find(({ defense }) => defense !== 'none');
  const undefended = all.some(({ defense }) => defense === 'none');
  const numbered = attacksOf([result]).flatMap((attack, i, { length }) =>
    length > 1 && all.some((one) => one.attack === attack)
      ? [html`${i > 0 ? ', ' : ' '}${i + 1} ${breakable(attack)}`]
      : [],
  );
  const words = [
    ...(undefended ? ['Dashed: without defense.'] : []),
    ...(defended ? [html`Solid: with ${breakable(defended.defense)}.`] : []),
    ...(numbered.length > 0 ? [html`Attacks:${numbered}.`] : []),
  ];
  return html`${words.map((word, i) => html`${i > 0 ? ' ' : ''}${word}`)}`;
}
