import { describe, expect, test } from 'vitest';
import { resolveSpec } from '../../src/harness/spec.js';
import { sanityWarnings } from '../../src/harness/warnings.js';
import { makeResult } from '../report/make-result.js';

/** What is said of a run of these defenses in a view; the numbers are made up. */
function warningsOf(view: string, defenses: readonly string[]): string[] {
  const { cells, summary } = makeResult({
    defenses: defenses.map((label) => ({ label, keeps: 1, bandwidth: 0, delay: 0 })),
  });
  return sanityWarnings(resolveSpec({ view, defenses, seeds: 3 }), summary, cells);
}

describe('padding in front of a tunnel', () => {
  test('to more than a packet of the tunnel takes is pointed out, with the size that fits', () => {
    expect(warningsOf('vpn', ['none', 'pad:rule=mtu+jitter'])).toEqual([
      'pad:rule=mtu+jitter pads frames to 1500 bytes, more than fit a packet of the tunnel, so that most become two: size=1434 fills one',
    ]);
    expect(warningsOf('vpn:tunnel=openvpn', ['none', 'pad:rule=mice-elephants']).join()).toMatch(/size=1454 fills one/);
  });

  test.each([
    ['vpn', 'pad:rule=mtu,size=1434'],
    ['vpn', 'pad:rule=random'],
    ['napt', 'pad:rule=mtu'],
  ])('says nothing in the view %s of %s', (view, defense) => {
    expect(warningsOf(view, ['none', defense])).toEqual([]);
  });
});

describe('an open world', () => {
  const warn = (seeds: number, unknown: number | readonly string[]) => {
    const { cells, summary } = makeResult({ unknown: 5, seeds });
    return sanityWarnings(resolveSpec({ defenses: ['none'], seeds, unknown }), summary, cells).join();
  };

  test('in which devices have not all been held out says so, and how many seeds it takes', () => {
    expect(warn(2, 5)).toMatch(/^open world: 10 of 12 devices were held out, .* \(--seeds 3 holds out each\)$/);
    expect(warn(3, 5)).toBe('');
  });

  test('of named devices says nothing', () => {
    expect(warn(2, ['a'])).toBe('');
  });
});
