import fc from 'fast-check';
import { scale } from 'vega';
import { describe, expect, test } from 'vitest';
import { costAxis } from '../../src/report/charts/axis.js';
import { overlap, placeLabels, textWidth } from '../../src/report/charts/labels.js';
import { frontOf, layLabels, planeOf, type TradeoffPoint } from '../../src/report/charts/tradeoff-layout.js';

const point = (cost: number, mean: number, label = 'x'): TradeoffPoint => ({
  number: 1,
  label,
  cost,
  accuracy: { mean, low: null, high: null },
  pareto: true,
  undefended: false,
});

describe('the cost axis', () => {
  test('is in proportion where costs are alike, with round ticks', () => {
    const axis = costAxis([0, 0.21, 1.28], 8);
    expect(axis.linearUpTo).toBeNull();
    expect(axis.ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4]);
  });

  test('is logarithmic where one defense costs far more than most', () => {
    const axis = costAxis([0, 0.21, 0.34, 1.28, 42], 6);
    expect(axis.linearUpTo).toBe(0.1);
    expect(axis.ticks).toEqual([0, 0.1, 1, 10]);
  });

  test('has a single tick where everything is free', () => {
    expect(costAxis([0, 0], 6).ticks).toEqual([0]);
    expect(costAxis([-5e-324], 3).ticks).toEqual([0]);
  });

  test('holds every cost, negative ones too, and places it where the renderer will', () => {
    const costs = fc.array(fc.double({ min: -0.5, max: 1e5, noNaN: true }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(costs, fc.integer({ min: 3, max: 8 }), (costs, ticks) => {
        const axis = costAxis(costs, ticks);
        const renderer = scale(axis.linearUpTo === null ? 'linear' : 'symlog')();
        renderer.domain([...axis.domain]).range([0, 1]);
        if (axis.linearUpTo !== null) renderer.constant(axis.linearUpTo);
        for (const cost of [...costs, ...axis.ticks]) {
          expect(axis.position(cost)).toBeCloseTo(renderer(cost), 9);
          expect(axis.position(cost)).toBeGreaterThanOrEqual(-1e-9);
          expect(axis.position(cost)).toBeLessThanOrEqual(1 + 1e-9);
        }
        expect(axis.ticks.length).toBeLessThanOrEqual(ticks + 2);
      }),
    );
  });
});

describe('labels', () => {
  const frame = { left: 0, top: 0, right: 400, bottom: 300 };

  test('never cover each other or a mark, and never leave the frame', () => {
    const place = fc.record({
      x: fc.integer({ min: 0, max: 400 }),
      y: fc.integer({ min: 0, max: 300 }),
      name: fc.constantFrom('none', 'pad:rule=mtu', 'pad:rule=mtu+jitter:mean=0.05'),
    });
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 25 }), (places) => {
        const marks = places.map(({ x, y }) => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
        const requests = places.map(({ x, y, name }, i) => ({ x, y, texts: [name, String(i + 1)] }));
        const boxes = placeLabels(requests, frame, marks, [], 12).flatMap((label) => (label ? [label.box] : []));
        for (const [i, box] of boxes.entries()) {
          expect(box.left >= 0 && box.right <= 400 && box.top >= 0 && box.bottom <= 300).toBe(true);
          expect(marks.some((mark) => overlap(mark, box))).toBe(false);
          expect(boxes.slice(0, i).some((other) => overlap(other, box))).toBe(false);
        }
      }),
    );
  });

  test('lie nearer to their own point than to one above it', () => {
    const requests = [
      { x: 50, y: 112, texts: ['jitter', '2'] },
      { x: 50, y: 100, texts: ['none', '1'] },
    ];
    const marks = requests.map(({ x, y }) => ({ left: x - 7, right: x + 7, top: y - 7, bottom: y + 7 }));
    const [jitter, none] = placeLabels(requests, frame, marks, [], 12);
    expect(jitter!.box.top).toBeGreaterThan(100);
    expect(none!.box.bottom).toBeLessThan(112);
  });

  test('give way to the number of the row where there is no room for the name', () => {
    const [only] = placeLabels(
      [{ x: 20, y: 20, texts: ['a name that is far too long', '7'] }],
      { ...frame, right: 60 },
      [],
      [],
      12,
    );
    expect(only!.choice).toBe(1);
  });

  test('of wide scripts take a square a character', () => {
    expect(textWidth('カメラ', 10)).toBe(30);
    expect(textWidth('cam', 10)).toBeCloseTo(19.5);
  });

  test('of chance and majority stay apart, however close and low the rates are', () => {
    const plane = planeOf(costAxis([0, 1], 6), 400, 300);
    const rate = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(rate, rate, (chance, majority) => {
        const { rates } = layLabels([point(0, 0.8, 'none'), point(1, 0.4, 'pad')], { chance, majority }, plane);
        expect(rates.map(({ text }) => text).join()).toMatch(/majority.*chance|chance.*majority/);
        if (rates.length === 2) expect(Math.abs(rates[0]!.y - rates[1]!.y)).toBeGreaterThanOrEqual(11);
        for (const { y } of rates) expect(y > 4 && y < 296).toBe(true);
      }),
    );
  });
});

describe('the name of a rate', () => {
  test('goes to the other side of its line where points leave no room for it', () => {
    const plane = planeOf(costAxis([0, 1], 6), 400, 300);
    const crowd = Array.from({ length: 9 }, (_, i) => point(i / 8, 0.22, 'a name too long to stand beside its point'));
    // The line of the majority lies at 240 pixels, the points just above it; that of chance at 270.
    const { rates } = layLabels(crowd, { chance: 0.1, majority: 0.2 }, plane);
    expect(rates.map(({ text, y }) => [text.split(' ')[0], y])).toEqual([
      ['majority', 249],
      ['chance', 279],
    ]);
    const alone = layLabels([point(0, 0.9)], { chance: 0.1, majority: 0.2 }, plane);
    expect(alone.rates.map(({ y }) => y)).toEqual([232, 279]);
  });
});

describe('the front', () => {
  test('joins the points that no other beats, cheapest first', () => {
    const points = [point(1, 0.4), point(0, 0.8), point(0.5, 0.9), point(2, 0.4), point(0.2, 0.7)];
    expect(frontOf(points)).toEqual([points[1], points[4], points[0]]);
  });

  test('falls from left to right', () => {
    const points = fc.array(
      fc.tuple(fc.double({ min: 0, max: 10, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(points, (pairs) => {
        const front = frontOf(pairs.map(([cost, mean]) => point(cost, mean)));
        expect(front.length).toBeGreaterThan(0);
        for (let i = 1; i < front.length; i++) {
          expect(front[i]!.accuracy.mean).toBeLessThanOrEqual(front[i - 1]!.accuracy.mean);
        }
      }),
    );
  });
});
