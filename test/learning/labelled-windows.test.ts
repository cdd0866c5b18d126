import { describe, expect, it } from 'vitest';
import { buildWindows } from '../../src/learning/build-windows.js';
import { labelledWindows } from '../../src/learning/labelled-windows.js';
import { createRng } from '../../src/shared/rng.js';
import { NO_DEVICE } from '../../src/trace/trace.js';
import { makeTrace } from '../support/make-trace.js';

/** Windows of three packets: a letter each, a device, '-' for cover, '?' for a stranger. */
function windowsOf(packets: string, coverClass: boolean) {
  const rows = [...packets].map((one, time) => ({
    time,
    device: one === '-' || one === '?' ? NO_DEVICE : one.charCodeAt(0) - 97,
    cover: one === '-' ? 1 : 0,
  }));
  const options = { size: 3, stride: 3, mix: 'home', port: 'service', classes: ['a', 'b'], coverClass } as const;
  return buildWindows(makeTrace(rows, { devices: ['a', 'b'] }), options).windows;
}

describe('labelled windows', () => {
  it('are of their commonest device, and of cover only where there is nothing else', () => {
    const { windows, label } = labelledWindows(windowsOf('--b---??-???aab', true), 9, createRng(1), 'fit');
    expect([...label]).toEqual([1, 2, 2, 0]);
    expect([...windows.start]).toEqual([0, 3, 6, 12]);
    expect([...windows.count]).toEqual([3, 3, 3, 3]);
  });

  it('leave out cover where it is no class', () => {
    expect([...labelledWindows(windowsOf('--b---', false), 9, createRng(1), 'fit').label]).toEqual([1]);
  });

  it('are at most as many as asked for, from the whole time', () => {
    const { windows, label } = labelledWindows(windowsOf('aaaaaaaaabbbbbbbbb', false), 2, createRng(1), 'fit');
    expect([...label]).toEqual([0, 1]);
    expect(windows.start.length).toBe(2);
  });
});
