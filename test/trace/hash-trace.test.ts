import { expect, test } from 'vitest';
import { hashTrace } from '../../src/trace/hash-trace.js';
import { makeTrace } from '../support/traces.js';

test('the hash of a trace is what it has always been', () => {
  const trace = makeTrace([
    { time: 1, length: 60, flow: 0, device: 0, out: true },
    { time: 1, length: 1514, flow: 1, device: 1, out: false },
    { time: 2.5, length: 90, flow: 0, device: 0, out: false },
  ]);
  expect(hashTrace(trace)).toBe('d7433b3dee608e34811173afd039a7f1cd9528b7823b1202eb677dc7a40bf5c8');
});
