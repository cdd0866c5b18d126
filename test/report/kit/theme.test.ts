import { describe, expect, test } from 'vitest';
import { contrast, DARK, heatColors, heatStep, LIGHT } from '../../../src/report/kit/theme.js';

describe.each([
  ['light', LIGHT],
  ['dark', DARK],
])('the %s page', (_, colors) => {
  test('has text that passes WCAG AA on every ground it stands on', () => {
    for (const text of ['ink', 'muted', 'accent', 'notice'] as const) {
      for (const ground of ['paper', 'surface', 'noticeSurface'] as const) {
        expect(contrast(colors[text], colors[ground]), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test('has a heat map whose numbers can be read at every step', () => {
    for (const { fill, text } of heatColors(colors)) expect(contrast(fill, text)).toBeGreaterThanOrEqual(4.5);
  });
});

test('contrast is that of the WCAG examples', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

test('shares fall into eleven steps', () => {
  expect([0, 0.04, 0.05, 0.5, 0.949, 1].map(heatStep)).toEqual([0, 0, 1, 5, 9, 10]);
});
