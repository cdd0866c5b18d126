import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { IdentifyResult } from '../../src/harness/observer/identify.js';
import type { ModelCard } from '../../src/result/model-card.js';
import { homeveil, homeveilHere, shellCode, temporaryFolder, watchHomeveil } from '../support/run-cli.js';

const folder = temporaryFolder();
const capture = (seed: number) => ({
  pcap: join(folder, `home-${seed}.pcap`),
  labels: join(folder, `home-${seed}.csv`),
});
const [known, unseen] = [capture(1), capture(2)];
const small = ['--data', known.pcap, '--labels', known.labels, '--minimum-packets', '20'];

async function makeHome(seed: number) {
  const { pcap, labels } = capture(seed);
  const made = await homeveilHere('home', '--hours', '0.5', '--seed', String(seed), '--out', pcap, '--labels', labels);
  expect(made.status).toBe(0);
}

beforeAll(async () => {
  await makeHome(1);
  await makeHome(2);
});

const fits80 = (text: string) =>
  text.split('\n').every((line) => line.length <= 80 || line.includes(folder) || line.includes(tmpdir()));

describe.each(['random-forest:trees=10', 'lstm:hidden=8,epochs=2,embedding=4', 'blstm:hidden=8,epochs=2,embedding=4'])(
  '%s from training to a capture that it has not seen',
  (attack) => {
    const out = join(mkdtempSync(join(tmpdir(), 'homeveil-model-')), 'model');
    let card: ModelCard;
    beforeAll(async () => {
      const run = await homeveilHere('train', ...small, '--attack', attack, '--out', out);
      expect(run.stderr).toBe('');
      expect(run.status).toBe(0);
      expect(fits80(run.stdout)).toBe(true);
      for (const word of ['macro-F1', 'chance', 'majority', 'recall', out]) expect(run.stdout).toContain(word);
      card = JSON.parse(readFileSync(join(out, 'card.json'), 'utf8'));
    });

    test('leaves a model and its card', () => {
      expect(readdirSync(out).sort()).toEqual(['card.json', 'model.onnx']);
      expect(card).toMatchObject({
        schemaVersion: 1,
        attack: { label: attack },
        view: { name: 'napt' },
        mix: 'home',
        window: 100,
        data: { synthetic: false },
        interrupted: false,
      });
    });

    test('tells who is at home, without labels and with them', async () => {
      const run = await homeveilHere('identify', '--model', out, unseen.pcap, '--json');
      expect(run.stderr).toBe('');
      expect(run.status).toBe(0);
      const blind: IdentifyResult = JSON.parse(run.stdout);
      expect(blind.identification).toBeNull();
      expect(blind.data.hosts).toBe(14);
      const attributed = blind.devices.reduce((sum, device) => sum + device.packets, 0);
      expect(attributed + blind.unsure.packets).toBe(blind.data.packets);
      for (const { packets, packetShare } of blind.devices) expect(packetShare).toBe(packets / blind.data.packets);

      const scored: IdentifyResult = JSON.parse(
        (await homeveilHere('identify', '--model', out, unseen.pcap, '--labels', unseen.labels, '--json')).stdout,
      );
      // All hosts of the synthetic home are labelled: labels change nothing of what is concluded.
      expect(scored.devices).toEqual(blind.devices);
      expect(scored.data.hosts).toBeNull();
      const { confusion, perDevice } = scored.identification!;
      const support = Object.values(perDevice).reduce((sum, device) => sum + device.support, 0);
      expect(confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(support);
      const unknown = Object.values(scored.unknown!).reduce((sum, count) => sum + count, 0);
      expect(support + unknown).toBe(scored.data.packets);
    });

    test('prints it as a table of at most 80 columns, over time if asked', async () => {
      const run = await homeveilHere(
        'identify',
        '--model',
        out,
        unseen.pcap,
        '--labels',
        unseen.labels,
        '--over-time',
        '10',
      );
      expect(run.status).toBe(0);
      expect(fits80(run.stdout)).toBe(true);
      for (const word of ['confidence', '(unsure)', 'Seen', 'truly', 'recall', 'chance', 'majority', 'over time']) {
        expect(run.stdout).toContain(word);
      }
    });
  },
);

describe('one forest', () => {
  const out = join(temporaryFolder(), 'model');
  beforeAll(async () => {
    const run = await homeveilHere('train', ...small, '--attack', 'random-forest:trees=10', '--out', out, '--json');
    expect(JSON.parse(run.stdout).data.synthetic).toBe(false);
  });

  test('finds devices in a home that it has not seen', async () => {
    const result: IdentifyResult = JSON.parse(
      (await homeveilHere('identify', '--model', out, unseen.pcap, '--labels', unseen.labels, '--json')).stdout,
    );
    const seen = result.devices.filter((device) => device.seen).map(({ name }) => name);
    expect(seen).toEqual(expect.arrayContaining(['TP-Link plug', 'Orvibo plug', 'Broadlink plug', 'Xiaomi hub']));
    expect(result.identification!.perDevice['Orvibo plug']!.recall).toBeGreaterThan(0.9);
  });

  test('draws presence, a character for each stretch of time', async () => {
    const { stdout } = await homeveilHere('identify', '--model', out, unseen.pcap, '--over-time', '10');
    expect(stdout).toContain('Seen over time, 10 min to a character');
    expect(stdout).toMatch(/^ {2}Orvibo plug +#{3}$/m);
    expect((await homeveilHere('identify', '--model', out, unseen.pcap, '--over-time')).stdout).toContain(
      '60 min to a character',
    );
  });

  test('takes several captures as one', async () => {
    const run = await homeveilHere('identify', '--model', out, known.pcap, unseen.pcap, '--json');
    const one: IdentifyResult = JSON.parse(
      (await homeveilHere('identify', '--model', out, known.pcap, '--json')).stdout,
    );
    const both: IdentifyResult = JSON.parse(run.stdout);
    const other: IdentifyResult = JSON.parse(
      (await homeveilHere('identify', '--model', out, unseen.pcap, '--json')).stdout,
    );
    expect(both.data.packets).toBe(one.data.packets + other.data.packets);
  });

  test('warns of a capture shorter than a window, and answers', async () => {
    const few = join(folder, 'few.pcap');
    await homeveilHere('home', '--hours', '0.1', '--device', 'TP-Link plug', '--out', few);
    const run = await homeveilHere('identify', '--model', out, few);
    expect(run.stderr).toBe('');
    expect(run.stdout).toContain('fewer than one window of 100');
  });

  test.each<[number, string[], string]>([
    [2, ['--view', 'vpn'], 'expected a model of view vpn:'],
    [2, ['--mix', 'single'], 'expected a model of mix single, found one of mix home: train another'],
    [2, ['--port', 'destination'], 'expected a model of port destination, found one of port service'],
    [2, ['--view', 'nat'], 'no view is called "nat"'],
    [2, ['--over-time', '-5'], '--over-time: expected a number greater than 0, found -5'],
    [2, ['--defense', 'padd'], 'no defense is called "padd"'],
    [1, ['--labels', '/nowhere.csv'], '/nowhere.csv'],
    [1, ['--model', '/nowhere'], '/nowhere: expected a model, a folder with model.onnx and card.json, found none'],
  ])('exit code %i and one line for identify %j', async (code, args, text) => {
    const model = args[0] === '--model' ? [] : ['--model', out];
    const run = await homeveilHere('identify', ...model, unseen.pcap, ...args);
    expect(run.stderr).toContain(text);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(run.status).toBe(code);
    expect(run.stdout).toBe('');
  });

  test('is refused captures of nobody that it knows', async () => {
    const labels = join(folder, 'others.csv');
    writeFileSync(labels, readFileSync(unseen.labels, 'utf8').replace(/,([^,\n]+),(iot|non-iot)/g, ',other $1,$2'));
    const run = await homeveilHere('identify', '--model', out, unseen.pcap, '--labels', labels);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('expected labels of a device that the model knows');
  });
});

test.each<[number, string[], string]>([
  [2, ['--attack', 'lstn'], 'no attack is called "lstn" (did you mean "lstm"?)'],
  [2, ['--train-share', '1.5'], '--train-share: expected more than 0 and at most 1, found 1.5'],
  [2, ['--defense', 'padd'], 'no defense is called "padd"'],
  [2, ['--out', import.meta.dirname], "expected a new folder, an empty one or a model's"],
  [1, ['--hours', '0.01'], 'expected at least two devices with 100 packets or more'],
  [1, ['--hours', '0.01', '--train-share', '1', '--minimum-packets', '1000'], 'found 0 of 14'],
])('exit code %i and one line for train %j', async (code, args, text) => {
  const place = args.includes('--out') ? [] : ['--out', join(temporaryFolder(), 'model')];
  const run = await homeveilHere('train', ...place, ...args);
  expect(run.stderr).toContain(text);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(run.status).toBe(code);
});

test('without data it trains on the synthetic home, and says so', () => {
  const out = join(temporaryFolder(), 'model');
  const run = homeveil(
    'train',
    '--hours',
    '0.3',
    '--attack',
    'random-forest:trees=3',
    '--train-share',
    '1',
    '--out',
    out,
  );
  expect(run.stdout).toContain('synthetic home');
  expect(run.stdout).toContain('this model knows no real');
  expect(run.stdout).toContain('not tested');
  const identified = homeveil('identify', '--model', out, known.pcap);
  expect(identified.stdout).toContain('the model was trained on the synthetic home');
  expect(identified.stdout).toContain('the model was never tested');
});

describe('Ctrl-C while training', () => {
  const start = () => {
    const out = join(temporaryFolder(), 'model');
    const attack = 'lstm:hidden=8,embedding=4,epochs=1000,patience=1000';
    return { out, ...watchHomeveil('train', ...small, '--attack', attack, '--threads', '1', '--out', out) };
  };

  test('saves the best model so far and says so', async () => {
    for (let wait = 2000; ; wait *= 2) {
      const { child, out, printed } = start();
      await setTimeout(wait);
      child.kill('SIGINT');
      const code = await shellCode(child);
      // Nothing was learnt yet: a busy machine takes its time.
      if (code === 130) continue;
      expect(printed.stderr).toMatch(/^warning: lstm: interrupted in epoch \d+; the model is that of /);
      expect(printed.stdout).toContain('interrupted');
      expect(code).toBe(0);
      expect(JSON.parse(readFileSync(join(out, 'card.json'), 'utf8')).interrupted).toBe(true);
      expect((await homeveilHere('identify', '--model', out, unseen.pcap)).status).toBe(0);
      return;
    }
  });

  test('twice ends at once and leaves nothing', async () => {
    const { child, out } = start();
    await setTimeout(4000);
    child.kill('SIGINT');
    child.kill('SIGINT');
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(join(out, '..'))).toEqual([]);
  });
});
