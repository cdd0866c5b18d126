import { describe, expect, test } from 'vitest';
import { resolveSpec } from '../../src/harness/spec.js';
import { sanityWarnings } from '../../src/harness/warnings.js';
import type { LiveFigures } from '../../src/result/result.js';
import { makeResult } from '../support/make-result.js';

/** Collects the warnings on a run of these defenses in a view; the numbers are made up. */
function warningsOf(view: string, defenses: readonly string[]): string[] {
  const { cells, summary } = makeResult({
    defenses: defenses.map((label) => ({ label, keeps: 1, bandwidth: 0, delay: 0 })),
  });
  return sanityWarnings(resolveSpec({ view, defenses, seeds: 3 }), summary, cells);
}

describe('padding in front of a tunnel', () => {
  test('to more than a packet of the tunnel takes is pointed out, with the size that fits', () => {
    expect(warningsOf('vpn', ['none', 'pad:rule=mtu+jitter'])).toEqual([
      'pad:rule=mtu+jitter pads frames to 1500 bytes, more than fit a packet of the tunnel, so that most become two; 1434 bytes fill one',
    ]);
    expect(warningsOf('vpn:tunnel=openvpn', ['none', 'pad:rule=mice-elephants']).join()).toMatch(
      /; 1454 bytes fill one/,
    );
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

describe('live traffic', () => {
  const FINE: LiveFigures = {
    speed: 20,
    seconds: 180,
    connections: { opened: 300, failed: 0 },
    messages: 9000,
    late: { p50: 0.01, p95: 0.2, p99: 0.5, max: 2 },
    lost: 0,
    strangers: 0,
    tunnel: { late: { p50: 0.001, p95: 0.02, p99: 0.1, max: 0.4 }, stalls: 0 },
    problems: [],
  };
  const warn = (live: LiveFigures) => {
    const { cells, summary } = makeResult({
      defenses: [{ label: 'none', keeps: 1, bandwidth: 0, delay: 0 }],
      seeds: 1,
    });
    return sanityWarnings(
      resolveSpec({ defenses: ['none'] }),
      summary,
      cells.map((cell) => ({ ...cell, live })),
    );
  };

  test('that was played as it should be is nothing to speak of', () => {
    expect(warn(FINE)).toEqual([]);
  });

  test.each([
    ['a lossy capture', { lost: 3 }, 'the captures lost 3 packets'],
    [
      'failed connections',
      { connections: { opened: 300, failed: 2 }, problems: ['read ECONNRESET (2 times)'] },
      '2 of 300 connections failed: read ECONNRESET (2 times)',
    ],
    [
      'late messages',
      { late: { ...FINE.late, p95: 1.5 } },
      'one message in twenty was sent more than 1.5 s late; a --speed of less than 20 helps',
    ],
    [
      'late frames',
      { tunnel: { late: { ...FINE.late, p95: 0.25 }, stalls: 0 } },
      'one frame of the tunnel in twenty left more than 250 ms late, which an observer may use; a --speed of less than 20 helps',
    ],
    [
      'a plan that moved',
      { tunnel: { ...FINE.tunnel!, stalls: 4 } },
      "the tunnel's plan had to be moved 4 times; a --speed of less than 20 helps",
    ],
  ])('%s is told once, with the defense and the seed', (_, some, wanted) => {
    expect(warn({ ...FINE, ...some })).toEqual([`live, none, seed 1: ${wanted}`]);
  });
});
