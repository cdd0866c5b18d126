import { expect, test } from 'vitest';
import { openData } from '../../src/harness/dataset.js';
import { measure } from '../../src/harness/measure.js';
import { createSeedRun } from '../../src/harness/seed-run.js';
import { appliedView } from '../../src/harness/setting.js';
import { resolveSpec } from '../../src/harness/spec.js';
import { Cover } from '../../src/trace/trace.js';

async function tellCover(size: number) {
  const spec = resolveSpec({
    hours: 0.2,
    view: 'vpn',
    defenses: [`constant-rate:size=${size},interval=0.02`],
    window: 20,
    minimumPackets: 20,
  });
  const view = appliedView(spec);
  const { parts } = await openData(spec, view);
  const seedRun = createSeedRun(spec, view, parts, 1);
  const [defense] = spec.defenses;
  const { trace } = (await seedRun.defend(defense!, 'test')).defended;
  const { coverAuc } = await measure(spec, view, parts, seedRun, defense!, 1, 1);
  return { coverAuc: coverAuc!, hasPadding: trace.cover.includes(Cover.PADDING) };
}

// Frames of one size at fixed times: behind a tunnel they betray the same, be each of them one packet or two.
test('the second half of a padded frame counts as cover only where the first does', async () => {
  const [cut, fits] = [await tellCover(1500), await tellCover(1434)];
  expect([cut.hasPadding, fits.hasPadding]).toEqual([true, false]);
  expect(Math.abs(cut.coverAuc - fits.coverAuc)).toBeLessThan(0.03);
}, 60_000);
