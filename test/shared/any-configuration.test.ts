import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitHome } from '../../src/harness/fit-home.js';
import { resolveDefense } from '../../src/harness/plugins/registry.js';
import { resolveSpec } from '../../src/harness/spec.js';
import { readStudy } from '../../src/harness/study-file.js';
import { generateFittedHome } from '../../src/home/fitted/home.js';
import { formatProfiles, parseProfiles, readProfiles } from '../../src/home/fitted/profile.js';
import { generateHome } from '../../src/home/home.js';
import { readKey } from '../../src/live/tunnel/key.js';
import { readNoiseConfig } from '../../src/noise/config.js';
import { openState } from '../../src/noise/state-file.js';
import { parseCard } from '../../src/result/model-card.js';
import { readMachines } from '../../src/shaping/maybenot/serialized.js';
import { HomeveilError } from '../../src/shared/errors.js';
import { parseDuration, parseSize, parseSizeOrDuration } from '../../src/shared/quantities.js';
import { readLabelling } from '../../src/trace/labels/label-file.js';
import { parsePlace } from '../../src/watch/server.js';
import { DEFENSES, makeResult } from '../support/make-result.js';
import { jsonLike, textsLike } from '../support/mutants.js';
import { needs, noShared, sharedPath } from '../support/needs.js';
import { homeveilHere, temporaryFolder } from '../support/run-cli.js';

/** Reads what `read` reads, or gets an expected fault, which the command line prints in one line: never anything else. */
function readOrRefuse(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof HomeveilError)) throw error;
  }
}

/** More of them by MUTANTS=10000. */
const RUNS = Number(process.env.MUTANTS ?? 20);

/** Holds `read` to that for texts like `text`, in a file. */
function fuzzFile(name: string, text: string, read: (path: string) => unknown): void {
  const path = join(temporaryFolder(), name);
  fc.assert(
    fc.property(textsLike(text), (mutant) => {
      writeFileSync(path, mutant, { mode: 0o600 });
      readOrRefuse(() => read(path));
    }),
    { numRuns: RUNS },
  );
}

const NOISE = `engine: http # own
roots: &roots [https://a.example/, "http://b.example/x"]
deny: [c.example]
denyText: *roots
depth: 6
activeHours: 7-23
budgets: { perHour: 60 MB, perDay: 300 MB }
limits:
  responseBytes: 4 MB
  pageTime: 45
dns: { perHour: 3 }
seed: x
`;

const NOISY = `{
  "root_urls": ["https://a.example/", "b.example"], // two
  "max_depth": 25, "min_sleep": 3, "max_sleep": 6, "timeout": false,
  "blacklisted_urls": [".css", "https://t.co"],
  "user_agents": ["M"]
}`;

const STUDY = `name: A study
datasets:
  - hours: 6
  - { data: [captures/home.pcap, b], labels: labels.csv, split: file, optional: true }
views: [napt, { name: vpn, tunnel: [wireguard, openvpn] }]
mixes: [home, flow]
attacks: [random-forest, { name: random-forest, trees: [5, 7] }]
defenses:
  - none
  - pad:rule=mtu
  - [pad, jitter]
  - { name: dummy, rate: [0.1, 1] }
seeds: 2
capacities: [null, 2.5]
`;

const CARD = {
  schemaVersion: 1,
  tool: { name: 'homeveil', version: '0.1.0', commit: null },
  plugins: [],
  attack: { name: 'random-forest', label: 'random-forest', parameters: { trees: 5 } },
  classes: [
    { name: 'Hue', category: 'iot' },
    { name: 'cover', category: null },
  ],
  features: { version: 1, port: 'service', columns: [{ name: 'length', unit: 'bytes' }], encoding: {} },
  view: { name: 'napt', label: 'napt', parameters: {} },
  mix: 'home',
  window: 100,
  stride: 25,
  defense: { label: 'none', parts: [{ name: 'none', label: 'none', parameters: {} }] },
  split: { by: 'time', train: 0.6 },
  seed: 1,
  data: { name: 'x', sha256: 'x', synthetic: true, train: { packets: 1, from: 0, to: 1 }, test: null },
  scores: null,
  insight: null,
  interrupted: false,
  seconds: { fit: 1 },
  model: { sha256: 'x', bytes: 1 },
};

/** Serialised machine of Maybenot's documentation, version 2. */
const MACHINE = '02eNptibEJAAAIw1of09Mc/c+HRMFFzFBoAlxkliTgurLfT6T9oQBWJgJi\n';

describe('whatever a configuration holds, reading it ends in a value or in one line', () => {
  test('noise', () => fuzzFile('noise.yaml', NOISE, readNoiseConfig));
  test('noisy', () => fuzzFile('config.json', NOISY, readNoiseConfig));
  test('a study', () =>
    fuzzFile('study.yaml', STUDY, (path) => {
      for (const request of readStudy(path).requests.slice(0, 5)) resolveSpec(request);
    }));
  test.each([
    ['labels.csv', 'mac,ip,device,category\n02:00:00:00:00:01,,"Echo, Dot",iot\n,10.0.0.7,PC,non-iot\n'],
    [
      'labels.yaml',
      'Hue: [02:00:00:00:00:01, 10.0.0.7]\n10.0.0.9: PC\nTV: { mac: 02:00:00:00:00:02, category: iot }\n',
    ],
  ])('%s', (name, text) => fuzzFile(name, text, readLabelling));
  test('a state file of noise', () =>
    fuzzFile(
      'state.json',
      '{"version":1,"time":1.5,"hour":[[1,2]],"day":[],"month":[[3,4]],"minute":[],"ahead":{"bytes":0,"requests":0}}',
      (path) => openState(path).close(),
    ));
  test('a key', () => fuzzFile('key', `${Buffer.alloc(32, 7).toString('base64')}\n`, readKey));
  test('machines of Maybenot', () => fuzzFile('machines', MACHINE, readMachines));

  const { profiles } = fitHome(generateHome({ hours: 0.2, seed: 1 }), ['home.pcap']);
  const few = { ...profiles, devices: profiles.devices.slice(0, 2) };
  test('profiles', () => fuzzFile('profiles.json', formatProfiles(few), readProfiles));
  test('profiles with other parts', () => {
    fc.assert(
      fc.property(jsonLike(few), (text) => {
        readOrRefuse(() => generateFittedHome(parseProfiles(text, 'profiles.json'), { hours: 0.02, seed: 1 }));
      }),
      { numRuns: RUNS },
    );
  });
  test("a model's card", () => {
    fc.assert(
      fc.property(fc.oneof(jsonLike(CARD), textsLike(JSON.stringify(CARD, null, 1))), (text) => {
        readOrRefuse(() => parseCard(text, 'card.json'));
      }),
      { numRuns: RUNS },
    );
  });
  const path = join(temporaryFolder(), 'result.json');
  test('a result, and the tables and the page made of it', async () => {
    const result = makeResult({
      devices: ['Hue', 'Echo'],
      defenses: DEFENSES.slice(0, 2),
      attacks: ['lstm'],
      seeds: 1,
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(jsonLike(result), textsLike(JSON.stringify(result))), async (text) => {
        writeFileSync(path, text);
        const { status, stderr } = await homeveilHere('report', path, '--format', 'markdown', '--stdout');
        expect(stderr).not.toMatch(/bug of homeveil|\n./);
        expect([0, 1]).toContain(status);
      }),
      { numRuns: Math.ceil(RUNS / 3) },
    );
  });
  test('a defense with its parameters', () => {
    fc.assert(
      fc.property(textsLike('pad:rule=mtu,size=1400+jitter:maximum=0.5+dummy:rate=1e+1'), (text) => {
        readOrRefuse(() => resolveDefense(text));
      }),
      { numRuns: RUNS },
    );
  });
  test.each<[string, (text: string) => unknown]>([
    ['1h30m', (text) => parseDuration(text, '--for')],
    ['1.5 GB', (text) => parseSize(text, '--memory')],
    ['100MB', (text) => parseSizeOrDuration(text, '--rotate')],
    ['127.0.0.1:8080', parsePlace],
  ])('%s', (text, read) => {
    fc.assert(
      fc.property(textsLike(text), (mutant) => readOrRefuse(() => read(mutant))),
      { numRuns: RUNS },
    );
  });
});

test.each([
  ['deep lists', '['.repeat(100_000)],
  ['deep lists of a block', '- '.repeat(50_000)],
  ['deep keys', '? '.repeat(50_000)],
  ['deep maps by indentation', Array.from({ length: 1500 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ['deep JSON', '{"a":'.repeat(100_000)],
  [
    'an alias bomb',
    'a: &a [x,x,x,x,x,x,x,x,x]\n' +
      'bcdefg'.replaceAll(
        /./g,
        (b) => `${b}: &${b} [${Array(9).fill(`*${String.fromCharCode(b.charCodeAt(0) - 1)}`)}]\n`,
      ),
  ],
  ['an alias without an anchor', 'roots: *x'],
  ['an alias within itself', 'roots: &x [*x]'],
  ['many keys', Array.from({ length: 3000 }, (_, i) => `k${i}: ${i}`).join('\n')],
  ['bytes that are no text', Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe])],
  ['bytes that are zero', Buffer.alloc(1000)],
  ['too much YAML', `a: ${'x'.repeat(3e6)}`],
  ['too much JSON', `{"a": "${'x'.repeat(17e6)}"}`],
])('%s: one line for a configuration of noise and for a study', (_, content) => {
  const path = join(temporaryFolder(), 'file.yaml');
  writeFileSync(path, content);
  for (const read of [readNoiseConfig, readStudy]) {
    expect(() => read(path)).toThrow(
      expect.objectContaining({
        name: expect.stringMatching(/^(Usage|Input)Error$/),
        message: expect.stringMatching(/^\/\S*file\.yaml(:\d+)?: /),
      }),
    );
  }
});

test('a folder, a pipe that nobody writes to and a device without end are told, not read for ever', () => {
  const folder = temporaryFolder();
  expect(() => readNoiseConfig(folder)).toThrow(/cannot be read: it is a folder; expected a configuration of noise/);
  if (process.platform === 'win32') return;
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  expect(() => readStudy(join(folder, 'pipe'))).toThrow(/pipe: cannot be read: a pipe that nobody writes to/);
  expect(() => readNoiseConfig('/dev/zero')).toThrow(/\/dev\/zero: cannot be read: more than 16 MB/);
});

needs(noShared('cases')).test('the aliases of cases/security end in one line each', () => {
  const at = (name: string) => sharedPath(`cases/security/${name}`);
  expect(() => readNoiseConfig(at('laugh.yaml'))).toThrow(/laugh\.yaml:\d: expected at most 500000 values.*aliases/);
  expect(() => readNoiseConfig(at('fz-noise-0.yaml'))).toThrow(/fz-noise-0\.yaml:\d+: .*byte 0xff/);
  expect(() => readStudy(at('fz-study-0.yaml'))).toThrow(/fz-study-0\.yaml:14: \*at: no anchor of this name/);
});
