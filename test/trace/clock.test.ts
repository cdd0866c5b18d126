import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  describeClock,
  findGaps,
  findSetBack,
  LONGEST_SILENCE,
  observedSeconds,
  observedTimes,
  stretchEnds,
} from '../../src/trace/clock.js';
import { loadTrace } from '../../src/trace/load.js';
import { ethernet, filler, ipv4, pcap, readBytes, temporaryFolder, udp } from '../support/fixtures.js';
import { needs, noShared, sharedPath } from '../support/needs.js';
import { makeTrace } from '../support/traces.js';

const folder = temporaryFolder();
const frame = ethernet(0x0800, ipv4(17, udp(40000, 53, filler(20))));
const read = async (name: string, seconds: readonly number[]) =>
  readBytes(join(folder, name), pcap(seconds.map((at) => ({ data: frame, seconds: at }))));
const linesOf = async (name: string, seconds: readonly number[]) => {
  const { table, file } = await read(name, seconds);
  return describeClock({ gaps: findGaps(table.time), files: [file] });
};

describe('gaps', () => {
  test('begin after an hour without a packet, whatever the order of packets', () => {
    const edge = 1000 + LONGEST_SILENCE;
    expect(findGaps(Float64Array.of(1000, edge, edge + 10))).toEqual([]);
    expect(findGaps(Float64Array.of(edge + 1, 1000, edge + 5))).toEqual([{ from: 1000, to: edge + 1, before: 1 }]);
    expect(findGaps(new Float64Array())).toEqual([]);
  });

  test('are left out of the time that was observed', () => {
    const times = [0, 10, 20_000, 20_030, 90_000];
    const trace = makeTrace(times.map((time) => ({ time, length: 100 })));
    const gaps = findGaps(trace.time);
    expect(observedSeconds(trace)).toBe(90_000);
    expect(observedSeconds({ ...trace, gaps })).toBe(10 + 30);
    expect([...observedTimes({ ...trace, gaps })]).toEqual([0, 10, 10, 40, 40]);
    expect([...observedTimes(trace)]).toEqual(times);
    expect(stretchEnds({ ...trace, gaps })).toEqual([2, 4, 5]);
    // A view may have no packet at all in a stretch.
    const few = makeTrace([times[0]!, times[1]!, times[4]!].map((time) => ({ time, length: 100 })));
    expect(stretchEnds({ ...few, gaps })).toEqual([2, 3]);
    expect(stretchEnds(makeTrace([]))).toEqual([]);
  });

  test('of a clock that began in 1970, of a pause, and of many pauses are told in a line each', async () => {
    const [start] = await linesOf('start.pcap', [30, 31, 1_767_600_000]);
    expect(start).toMatch(
      /^no packet for 20458 d 07 h after the first 2, from 1970-01-01 00:00:31 to 2026-01-05 08:00:00 UTC: the clock was set only then;/,
    );
    const pause = await linesOf('pause.pcap', [1_700_000_000, 1_700_000_001, 1_700_000_001 + 30 * 86_400]);
    expect(pause).toHaveLength(1);
    expect(pause[0]).toMatch(/^no packet for 30 d 00 h after the first 2, .* no capture ran, or the clock was set;/);
    const many = await linesOf(
      'many.pcap',
      Array.from({ length: 41 }, (_, i) => 1_700_000_000 + i * (4000 + i)),
    );
    expect(many).toHaveLength(4);
    expect(many[3]).toMatch(/^37 more gaps without a packet, /);
  });

  test('are of all hosts: one labelled device that is silent for hours makes none', async () => {
    const other = ethernet(0x0800, ipv4(17, udp(40000, 53), { from: '10.0.0.3' }), { from: '02:00:00:00:00:0b' });
    const hours = Array.from({ length: 10 }, (_, i) => 1_700_000_000 + i * 1800);
    const records = hours.map((seconds, i) => ({ data: i % 9 === 0 ? frame : other, seconds }));
    const path = join(folder, 'quiet.pcap');
    await readBytes(path, pcap(records));
    const labels = join(folder, 'quiet.csv');
    writeFileSync(labels, 'mac,device\n02:00:00:00:00:0a,lamp\n');
    const { trace } = await loadTrace([path], labels);
    expect([trace.packets, trace.gaps, observedSeconds(trace)]).toEqual([2, [], 9 * 1800]);
  });
});

describe('a clock that is set back', () => {
  test('is told with place and length; packets that change places are not', async () => {
    expect(findSetBack(Float64Array.of(100, 40, 130))).toBeNull();
    expect(findSetBack(Float64Array.of(7200, 3600, 7200, 3600))).toEqual({
      from: 7200,
      to: 3600,
      before: 1,
      times: 2,
    });
    // The end of summer time, by local time.
    const [line] = await linesOf('back.pcap', [1_761_440_000, 1_761_440_399, 1_761_436_800, 1_761_436_900]);
    expect(line).toMatch(
      /back\.pcap: the clock goes back 59 min 59 s after packet 2, from 2025-10-26 00:59:59 to 2025-10-26 00:00:00 UTC;/,
    );
  });
});

needs(noShared('cases/03-clock-jump-cover')).test(
  'a router without a clock: 8 packets of 1970, 72 of 2026',
  async () => {
    const folder = sharedPath('cases/03-clock-jump-cover');
    const { trace, report } = await loadTrace([join(folder, 'jump.pcap')], join(folder, 'labels.csv'));
    expect(trace.packets).toBe(80);
    expect(report.gaps).toHaveLength(1);
    expect(report.gaps[0]!.before).toBe(8);
    expect(observedSeconds(trace)).toBeLessThan(60);
  },
);
