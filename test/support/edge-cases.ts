import type { Result } from '../../src/result/result.js';
import { DEFENSES, DEVICES, makeOlderResult, makeResult } from './make-result.js';

const many = Array.from({ length: 25 }, (_, i) => ({
  label:
    i === 0
      ? 'none'
      : i % 5 === 0
        ? `pad:rule=mice-elephants,small=${i}+jitter:distribution=exponential,mean=0.0${i}`
        : `pad:rule=random,width=${i * 10}`,
  keeps: 1 - 0.6 * Math.sqrt(i / 25),
  bandwidth: i % 5 === 4 ? 0 : i * i * 0.012,
  delay: i % 5 === 0 ? i * 0.02 : 0,
}));

/** Names that would do harm if they were taken for markup, and names that JavaScript has for itself. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='x",
  '</script><b>',
  '\u202Eevil\u0000',
  '&amp;',
  '__proto__',
  'constructor',
  '日本語のカメラ',
  '{{7*7}}$1',
];

const ordinary = makeResult();
const MARKUP = '</script><img src=x onerror=alert(1)><svg onload=alert(2)>"\'';

const empty: Result = { ...makeResult(), cells: [], summary: [] };

/** Results that a report has to cope with, by what is odd about them. */
export const EDGE_CASES: Readonly<Record<string, Result>> = {
  'an ordinary run': makeResult({ warnings: ['jitter loses real packets'] }),
  'the synthetic home': makeResult({ synthetic: true, seeds: 1 }),
  'one cell': makeResult({
    defenses: DEFENSES.slice(0, 1),
    attacks: ['random-forest'],
    adversaries: ['adaptive'],
    seeds: 1,
  }),
  'one defense, not compared with none, and one adversary': makeResult({
    defenses: DEFENSES.slice(1, 2),
    adversaries: ['static'],
  }),
  'costs that are undefined': makeResult({
    defenses: [DEFENSES[0]!, { label: 'pad:rule=mtu', keeps: 0.5, bandwidth: null, delay: null }, DEFENSES[4]!],
  }),
  'nothing but undefined costs': makeResult({
    defenses: [{ label: 'pad', keeps: 0.5, bandwidth: null, delay: null }],
  }),
  'defenses that are all free': makeResult({
    defenses: [DEFENSES[0]!, { label: 'a', keeps: 0.5, bandwidth: 0, delay: 0 }],
  }),
  'a defense that saves traffic': makeResult({
    defenses: [DEFENSES[0]!, { label: 'squeeze', keeps: 0.7, bandwidth: -0.2, delay: 0 }],
  }),
  'costs far apart': makeResult({
    defenses: [
      ...DEFENSES,
      { label: 'constant-rate', keeps: 0.12, bandwidth: 42, delay: 1.4 },
      { label: 'stp', keeps: 0.4, bandwidth: 0.9, delay: 0.02 },
    ],
  }),
  // As two real homes have them: a first step close to nothing on an axis of five decades, a long name at its end just above the majority.
  'costs from almost nothing to a hundredfold': makeResult({
    defenses: [
      { label: 'none', keeps: 1, bandwidth: 0, delay: 0 },
      { label: 'pad:rule=mtu,size=1434', keeps: 0.98, bandwidth: 2.287, delay: 0 },
      { label: 'split', keeps: 0.75, bandwidth: 0.091, delay: 0 },
      { label: 'jitter', keeps: 0.99, bandwidth: 0, delay: 0.097 },
      { label: 'dummy:rate=0.1', keeps: 1, bandwidth: 1.974, delay: 0 },
      { label: 'vpn-shaping:mode=stepped,up=40,down=40', keeps: 0.35, bandwidth: 12.547, delay: 30 },
      { label: 'constant-rate:interval=0.2', keeps: 0.15, bandwidth: 124.743, delay: 1740 },
    ],
    seeds: 1,
  }),
  '25 defenses and 30 devices': makeResult({
    defenses: many,
    attacks: ['random-forest', 'lstm', 'blstm'],
    seeds: 1,
    devices: Array.from({ length: 30 }, (_, i) => `${DEVICES[i % DEVICES.length]} ${i}`),
  }),
  'very long names': makeResult({
    devices: ['X'.repeat(90), 'A device name typed in full, with its model XJ-9000-EU/2024 and its room', 'plug'],
    attacks: ['an-attack-with-a-name-that-goes-on-and-on'],
    defenses: [
      DEFENSES[0]!,
      { label: `pad:${'parameter=1234567890,'.repeat(8)}x=1`, keeps: 0.6, bandwidth: 1, delay: 0 },
    ],
  }),
  'hostile names': makeResult({
    devices: HOSTILE,
    warnings: ['no packet of <script>alert(1)</script> is scored'],
    defenses: [DEFENSES[0]!, { label: 'pad:rule=<b>x</b>"\'&</script>', keeps: 0.5, bandwidth: 0.5, delay: 0.1 }],
  }),
  'hostile strings in all else that describes a run': {
    ...ordinary,
    warnings: [MARKUP, '\u001B]0;title\u0007'],
    tool: { ...ordinary.tool, version: MARKUP, commit: MARKUP },
    environment: { ...ordinary.environment, cpu: MARKUP },
    dataset: { ...ordinary.dataset, name: MARKUP },
    spec: { ...ordinary.spec, plugins: [{ path: `/plugins/${MARKUP}`, sha256: MARKUP }] },
  },
  'an open world': makeResult({ unknown: 2, seeds: 4 }),
  'an open world of hostile names': makeResult({ devices: HOSTILE, unknown: 3, seeds: 4 }),
  'an open world without packets of unknown devices': {
    ...makeResult({ unknown: 2 }),
    cells: makeResult({ unknown: 2 }).cells.map((cell) => ({
      ...cell,
      openWorld: { ...cell.openWorld!, auroc: null, oscr: null, recall: null, curve: [], perUnknown: {} },
    })),
  },
  'numbers that are not numbers': {
    ...makeResult(),
    summary: makeResult().summary.map((row) => ({
      ...row,
      accuracy: { mean: Number.NaN, low: Number.NaN, high: null },
      bandwidthOverhead: Number.POSITIVE_INFINITY,
      chance: Number.NaN,
    })),
  },
  'a run of an earlier version': makeOlderResult(),
  'no cells at all': empty,
};
