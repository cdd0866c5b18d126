import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runBench } from '../../src/harness/run.js';
import { resolveSpec } from '../../src/harness/spec.js';
import { generateHome } from '../../src/home/home.js';
import { deviceMac } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';

/**
 * Cover outside a tunnel does not mislead an observer who separates flows. The devices are synthetic and few, and the margins wide:
 * docs/cover-traffic.md has the figures of real captures.
 */
describe('noise in a home of five devices', () => {
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-test-'));
  const capture = join(folder, 'home.pcap');
  const labels = join(folder, 'labels.csv');
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Accuracy lost to the noise, by adversary. */
  const dropOf = async (view: string, mix: 'home' | 'flow') => {
    const attacks = ['random-forest:trees=5'];
    const defenses = ['none', 'noise:objects=0'];
    const { cells } = await runBench(resolveSpec({ data: [capture], labels, view, mix, attacks, defenses }), {
      threads: 1,
    });
    const accuracy = (name: string, adversary: string) =>
      cells.find((cell) => cell.defense === name && cell.adversary === adversary)!.identification.accuracy;
    const drop = (adversary: string) => accuracy('none', adversary) - accuracy('noise:objects=0', adversary);
    return { fixed: drop('static'), adaptive: drop('adaptive') };
  };

  let napt: Awaited<ReturnType<typeof dropOf>>;
  beforeAll(async () => {
    const devices = ['Xiaomi hub', 'TP-Link plug', 'Orvibo plug', 'Broadlink plug', 'Tmall assistant'];
    writePcap(generateHome({ hours: 2, seed: 1, devices }), capture);
    writeFileSync(labels, ['mac,device', ...devices.map((name, row) => `${deviceMac(row)},${name}`)].join('\n'));
    napt = await dropOf('napt', 'flow');
  });

  test('a static observer who separates flows sees the very packets that there were without', () => {
    expect(napt.fixed).toBe(0);
    expect(napt.adaptive).toBeLessThan(0.1);
  });

  test('in a tunnel, where no one can separate it, it is not without effect', async () => {
    const vpn = await dropOf('vpn', 'home');
    expect(vpn.fixed).toBeGreaterThan(0);
  });
});
