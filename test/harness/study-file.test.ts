import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { addPlugins, attacks, builtIns, defenses, resolveDefense, views } from '../../src/harness/plugins/registry.js';
import { resolveSpec } from '../../src/harness/spec.js';
import { readStudy, studySchema } from '../../src/harness/study-file.js';
import { UsageError } from '../../src/shared/errors.js';
import { temporaryFolder } from '../support/run-cli.js';

const folder = temporaryFolder();
const path = join(folder, 'study.yaml');
const read = (text: string) => {
  writeFileSync(path, text);
  return readStudy(path);
};

describe('a study', () => {
  test('of nothing is one setting with every default', () => {
    const { study, requests } = read('');
    expect(requests).toHaveLength(1);
    expect(study).toMatchObject({ seeds: 1, views: ['napt'], attacks: ['strongest'], defenses: ['none'] });
    expect(resolveSpec(requests[0]!)).toMatchObject({
      data: { kind: 'synthetic', hours: 24 },
      window: 100,
      stride: 25,
    });
  });

  test('has a setting for each dataset, view, mix, window and link', () => {
    const { requests } = read(`
datasets: [{ hours: 1 }, { data: captures, labels: labels.csv }]
views: [napt, { name: vpn, tunnel: [wireguard, openvpn] }]
mixes: [home, flow]
windows: [20, 100]
capacities: [null, 10]
`);
    expect(requests).toHaveLength(2 * 3 * 2 * 2 * 2);
    expect(new Set(requests.map((request) => JSON.stringify(request))).size).toBe(48);
    expect(requests[0]).toMatchObject({ hours: 1, view: 'napt', mix: 'home', window: 20, capacity: null });
    expect(requests[1]).toMatchObject({ capacity: 10 });
    expect(requests.at(-1)).toMatchObject({ view: 'vpn:tunnel=openvpn', mix: 'flow', window: 100, capacity: 10 });
  });

  test('takes every combination of lists of parameters, and composes lists of defenses', () => {
    const { requests } = read(`
defenses:
  - none
  - { name: pad, rule: [mtu, random], size: [1400, 1500] }
  - [pad, { name: jitter, delay: [0.01, 0.1] }]
`);
    expect(requests[0]!.defenses).toEqual([
      'none',
      'pad:rule=mtu,size=1400',
      'pad:rule=mtu,size=1500',
      'pad:rule=random,size=1400',
      'pad:rule=random,size=1500',
      'pad+jitter:delay=0.01',
      'pad+jitter:delay=0.1',
    ]);
  });

  test('finds captures and labels beside itself', () => {
    const [request] = read('datasets: [{ train: a, test: [b, /c], labels: l.csv }]').requests;
    expect(request).toMatchObject({
      train: [join(folder, 'a')],
      test: [join(folder, 'b'), '/c'],
      labels: join(folder, 'l.csv'),
    });
    for (const word of ['file', 'folder', 'folder=2', 'folder=top']) {
      expect(read(`datasets: [{ data: a, labels: ${word} }]`).requests[0]!.labels).toBe(word);
    }
    expect(() => read('datasets: [{ data: a, labels: folder=x }]')).toThrow(
      /:1: datasets\.0\.labels: .*expected folder=N/,
    );
    expect(read('datasets: [{ data: a, labels: file, duplicates: keep }]').requests[0]!.duplicates).toBe('keep');
    expect(read('datasets: [{ hours: 1, profiles: p.json }]').requests[0]).toMatchObject({
      profiles: join(folder, 'p.json'),
    });
  });
});

describe('an optional dataset', () => {
  const captures = '{ data: there, labels: l.csv, optional: true }';

  test('is left out, and the missing file named, where one is not there', () => {
    const study = `datasets: [{ hours: 1 }, ${captures}]`;
    const without = read(study);
    expect(without.requests.map(({ hours }) => hours)).toEqual([1]);
    expect(without.warnings).toEqual([`${join(folder, 'there')} is not there: its dataset is left out`]);
    mkdirSync(join(folder, 'there'));
    expect(read(study).warnings).toEqual([`${join(folder, 'l.csv')} is not there: its dataset is left out`]);
    writeFileSync(join(folder, 'l.csv'), 'mac,device,category\n');
    const whole = read(study);
    expect(whole.warnings).toEqual([]);
    expect(whole.requests[1]).toMatchObject({ data: [join(folder, 'there')] });
    // The request is the same whether or not it was optional.
    expect(whole.requests[1]).toEqual(read(study.replace(', optional: true', '')).requests[1]);
  });

  test('that is all there is cannot be left out', () => {
    expect(() => read('datasets: [{ data: nowhere, labels: folder, optional: true }]')).toThrow(
      /study\.yaml: no dataset is left: .*nowhere is not there/,
    );
  });

  test('is the only kind that is: another is asked for, there or not', () => {
    expect(read('datasets: [{ data: nowhere, labels: folder }]').requests).toHaveLength(1);
  });
});

describe('what does not fit gets one line with its place', () => {
  test.each<[string, RegExp]>([
    [
      'seed: 1\nsedes: 3',
      /study\.yaml:2: unknown key "sedes" \(did you mean "seeds"\?\); expected one of name, datasets/,
    ],
    [
      'name: x\ndatasets:\n  - hours: 2\n    label: x',
      /study\.yaml:4: unknown key "label" \(did you mean "labels"\?\)/,
    ],
    ['seeds: 1\nwindows: [100, many]', /study\.yaml:2: windows\.1: expected a whole number, from 2 to 65535/],
    ['seeds: 1\nviews: []', /study\.yaml:2: views: too small/],
    ['attacks:\n  - trees: 5', /study\.yaml:2: attacks\.0\.name: invalid input: expected string/],
    ['name: [\n', /study\.yaml:\d: /],
    ['name: a\nname: b', /study\.yaml:2: "name" stands twice/],
    ['- none', /study\.yaml:1: invalid input: expected object, received array/],
  ])('%j', (text, message) => {
    expect(() => read(text)).toThrow(UsageError);
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).not.toThrow(/\n/);
  });

  test('a file that is not there', () => {
    expect(() => readStudy('/nowhere.yaml')).toThrow(
      /nowhere\.yaml: cannot be read: no such file or directory; expected a study in YAML/,
    );
  });
});

test('the JSON Schema names every key, every plug-in and every parameter', () => {
  const schema = JSON.parse(JSON.stringify(studySchema({ views, attacks, defenses })));
  expect(Object.keys(schema.properties)).toContain('capacities');
  expect(schema.properties.datasets.items.properties.optional).toMatchObject({ type: 'boolean' });
  const names = (kind: string) => {
    const items = schema.properties[kind].items;
    const entries = (kind === 'defenses' ? items.anyOf[0] : items).anyOf.slice(1);
    return entries.map((entry: { properties: { name: { const: string } } }) => entry.properties.name.const);
  };
  expect(names('defenses')).toEqual(defenses.map(({ name }) => name));
  expect(names('attacks')).toEqual(attacks.map(({ name }) => name));
  expect(JSON.stringify(schema)).toContain('"mice-elephants"');
});

test('a list is one value of a parameter that is a list; a list of lists varies it', () => {
  const own = {
    ...builtIns.defenses[0]!,
    name: 'own',
    parameters: z.object({ sizes: z.array(z.number()).default([1]) }),
  };
  const registry = addPlugins({ defenses: [own] });
  const defensesOf = (text: string) => {
    const path = join(temporaryFolder(), 'study.yaml');
    writeFileSync(path, `defenses: [${text}]`);
    return readStudy(path, registry).requests[0]!.defenses!;
  };
  expect(defensesOf('{ name: own, sizes: [256, 1500] }')).toEqual(['own:sizes=256+1500']);
  expect(defensesOf('{ name: own, sizes: [[256, 1500], [7]] }')).toEqual(['own:sizes=256+1500', 'own:sizes=7']);
  expect(defensesOf('{ name: own, sizes: 256+1500 }')).toEqual(['own:sizes=256+1500']);
  expect(defensesOf('own:sizes=256+1500')).toEqual(['own:sizes=256+1500']);
  expect(resolveDefense('own:sizes=256+1500', registry).parts[0]!.parameters).toEqual({ sizes: [256, 1500] });
});
