import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLocalMac } from '../../src/trace/scope.js';
import { createDayLog, linkDays, traceAddresses, traceDevices } from '../../src/trace/traceability.js';

const DAY = 86_400;

describe('a day log', () => {
  it('has the days of each owner’s addresses in order, in UTC', () => {
    const log = createDayLog(['', 'a', 'b']);
    // The last second of a day, the first of the next.
    for (const [owner, mac, time] of [
      [0, 1, 3 * DAY - 1],
      [0, 1, 3 * DAY],
      [1, 2, 5 * DAY],
      [0, 2, 4 * DAY],
      [1, 2, 1 * DAY],
      [0, 0, 9 * DAY],
    ] as const) {
      log.add(owner, mac, time);
    }
    expect(log.daysOf(0)).toEqual([
      { address: 'a', days: [2, 3] },
      { address: 'b', days: [4] },
    ]);
    expect(log.daysOf(1)).toEqual([{ address: 'b', days: [1, 5] }]);
    expect(log.daysOf(2)).toEqual([]);
  });
});

describe('days that a constant address links', () => {
  it('are those on which a device has one address that it also has on the next day it is seen', () => {
    // Days 1, 2, 5, 6: a links 1 and 2, nothing 2 and 5, b 5 and 6.
    const addresses = [
      { address: 'a', days: [1, 2] },
      { address: 'b', days: [5, 6] },
      { address: 'c', days: [6] },
    ];
    expect(linkDays(addresses)).toEqual({ days: 4, pairs: 3, linked: 2 });
    expect(linkDays([])).toEqual({ days: 0, pairs: 0, linked: 0 });
    expect(traceDevices([addresses, [{ address: 'd', days: [2, 7] }]])).toEqual({
      ...{ by: 'device', days: 5, deviceDays: 6, pairs: 4, linked: 3, share: 0.75 },
    });
    expect(traceAddresses(addresses)).toEqual({ by: 'address', days: 4, addressDays: 5, linked: 4, share: 0.8 });
  });

  it('are all of a device with one address, and none of one that never has it on two', () => {
    const days = fc.uniqueArray(fc.nat(50), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(days, (seen) => {
        const pairs = seen.length - 1;
        expect(linkDays([{ address: 'a', days: seen }])).toEqual({ days: seen.length, pairs, linked: pairs });
        const changing = seen.map((day) => ({ address: String(day), days: [day] }));
        expect(linkDays(changing)).toEqual({ days: seen.length, pairs, linked: 0 });
      }),
    );
  });
});

it('tells addresses that are administered locally by their first byte', () => {
  const firsts = ['00', '02', '04', '06', '0a', '0e', 'da', 'd8', 'ff'];
  expect(firsts.map((first) => isLocalMac(`${first}:00:5e:00:53:01`))).toEqual([
    false,
    true,
    false,
    true,
    true,
    true,
    true,
    false,
    true,
  ]);
});
