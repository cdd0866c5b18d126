import { describe, expect, test } from 'vitest';
import { openData } from '../../../src/harness/dataset.js';
import { itemsOf, jobsOf } from '../../../src/harness/jobs/plan.js';
import { type KeptCell, type Outcome, runJob } from '../../../src/harness/jobs/run-job.js';
import { createSeedRun } from '../../../src/harness/seed-run.js';
import { appliedView } from '../../../src/harness/setting.js';
import { resolveSpec } from '../../../src/harness/spec.js';

/** The cells of a run on two hours of the synthetic home, without the metrics that take most of its time. */
async function cellsOf(request: object) {
  const spec = resolveSpec({
    ...{ hours: 2, trainShare: 0.3, attacks: ['random-forest:trees=2'], adversaries: ['adaptive'] },
    ...{ maximumTrainPackets: 2000, ...request },
  });
  const view = appliedView(spec);
  const { parts } = await openData(spec, view);
  const outcomes: Outcome[] = [];
  for (const job of jobsOf(itemsOf(spec).filter(({ kind }) => kind === 'cell'))) {
    const seedRun = createSeedRun(spec, view, parts, job.seed);
    outcomes.push(
      ...(await runJob({ spec, view, parts, hashes: { plain: '', seenBy: {} } }, seedRun, job, { threads: 1 })),
    );
  }
  return outcomes.map((outcome) => (outcome as { value: KeptCell }).value.cell);
}

describe('a cell', () => {
  test('is scored by age and by observation time, over the same times for all defenses and seeds', async () => {
    const cells = await cellsOf({ unknown: 1, seeds: 2, defenses: ['none', 'jitter'] });
    expect(cells).toHaveLength(4);
    const [first, ...others] = cells.map(({ ages, wholeHome }) => ({
      ages: ages!.map(({ from, to }) => [from, to]),
      times: wholeHome!.map(({ seconds }) => seconds),
    }));
    expect(first!.ages.length).toBeGreaterThan(1);
    expect(first!.ages[0]![1]).toBe(3600);
    expect(first!.times.slice(0, 2)).toEqual([600, 3600]);
    for (const other of others) expect(other).toEqual(first);
    for (const { ages, identification, wholeHome } of cells) {
      const packets = ages!.reduce((sum, age) => sum + age.packets, 0);
      const right = ages!.reduce((sum, age) => sum + age.packets * age.accuracy, 0);
      expect(packets).toBe(Object.values(identification.perDevice).reduce((sum, { support }) => sum + support, 0));
      expect(right / packets).toBeCloseTo(identification.accuracy, 9);
      expect(wholeHome!.at(-1)).toMatchObject({ windows: 1, present: 1, precision: 1 });
    }
  });

  test('with a gap has no age below it', async () => {
    const [cell] = await cellsOf({ gap: 0.2, defenses: ['none'] });
    expect(cell!.ages![0]!.from).toBeGreaterThanOrEqual(720);
  });
});
