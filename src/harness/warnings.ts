import type { Cell, ResolvedSpec, SummaryRow } from './result.js';

/** Ways in which a run may fail to prove anything (design: the method, sanity gates); one line each. */
export function sanityWarnings(spec: ResolvedSpec, summary: readonly SummaryRow[], cells: readonly Cell[]): string[] {
  const warnings: string[] = [];
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const undefended = summary.find((row) => row.defense === 'none');
  if (undefended) {
    const { mean, low } = undefended.accuracy;
    if ((low ?? mean) <= undefended.majority) {
      warnings.push(
        `without defense ${undefended.bestAttack} names ${percent(mean)} of packets right, not clearly more than always naming the commonest device (${percent(undefended.majority)}): this run proves nothing about defenses`,
      );
    }
  } else {
    warnings.push('the run has no defense "none", so no drop can be stated');
  }
  const lossy = new Set(cells.filter((cell) => cell.cost.dropped > 0).map((cell) => cell.defense));
  for (const defense of lossy) warnings.push(`${defense} loses real packets`);
  if (spec.seeds === 1 && spec.defenses.some(({ label }) => label !== 'none')) {
    warnings.push(
      'one seed: intervals cover the choice of test time, not the chance in defense and training (--seeds 3)',
    );
  }
  const classes = Object.keys(cells[0]?.identification.perDevice ?? {});
  const absent = classes.filter((device) => cells.some((cell) => cell.identification.perDevice[device]?.support === 0));
  if (absent.length > 0) warnings.push(`no packet of ${absent.join(', ')} is scored in some cells`);
  return warnings;
}
