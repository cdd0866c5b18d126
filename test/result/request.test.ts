import { describe, expect, test } from 'vitest';
import yargs from 'yargs';
import bench from '../../src/cli/bench.js';
import { requestOf } from '../../src/cli/data-options.js';
import { attacks, defenses, views } from '../../src/harness/plugins/registry.js';
import { resolveSpec, resolveTraining } from '../../src/harness/spec.js';
import { studySchema } from '../../src/harness/study-file.js';
import { benchCommand } from '../../src/result/command.js';
import { type BenchRequest, benchRequest, optionsOf, trainRequest } from '../../src/result/request.js';
import { homeveilHere } from '../support/run-cli.js';

const options = optionsOf(benchRequest).map((option) => [option.key, option] as const);
const schema = JSON.parse(JSON.stringify(studySchema({ views, attacks, defenses })));
const help = (await homeveilHere('bench', '--help')).stdout;

/** Values of the command line, as a shell takes what benchCommand gives: none of these needs more than single quotes. */
const wordsOf = (command: readonly string[]) =>
  command.slice(1).flatMap((part) => {
    const [, flag, value] = /^(--[a-z-]+)(?: (.*))?$/.exec(part)!;
    return value === undefined ? [flag!] : [flag!, value.replace(/^'(.*)'$/, '$1')];
  });

/** Null where options need each other: captures to train on, captures to test on, and their labels. */
function resolvedOrNull(request: BenchRequest) {
  try {
    return resolveSpec(request);
  } catch {
    return null;
  }
}

describe.each(options)('the option %s', (key, { about, flag, study, example, needs = {} }) => {
  const spec = resolveSpec({ ...needs, [key]: example } as BenchRequest);

  test('is in the help, with its text', () => {
    expect(help).toMatch(new RegExp(`--${flag} `));
    expect(help.replaceAll(/\s+/g, ' ')).toContain(about.slice(0, 30));
  });

  test('is in the JSON Schema of a study, with its text', () => {
    const { properties } = schema;
    const place =
      study === 'dataset' ? properties.datasets.items.properties[key] : properties[study ? study.axis : key];
    expect(place.description).toBe(about);
  });

  test('makes a difference to the resolved spec', () => {
    expect(spec).not.toEqual(resolvedOrNull(needs));
  });

  test('survives the way from the spec to the command and back', async () => {
    const given = await yargs(['bench', ...wordsOf(benchCommand(spec))])
      .command({ ...bench, handler: () => {} })
      .strict()
      .parse();
    expect(resolveSpec(requestOf(given, benchRequest))).toEqual(spec);
  });
});

test('a training has the options of a run but those that speak of several attacks, defenses or seeds', () => {
  const keys = (request: typeof benchRequest | typeof trainRequest) => optionsOf(request).map((option) => option.key);
  const more = ['adversaries', 'attacks', 'defenses', 'live', 'seeds', 'speed', 'unknown'];
  expect([...keys(trainRequest), ...more].sort()).toEqual([...keys(benchRequest), 'attack', 'defense'].sort());
  expect(resolveTraining({ trainShare: 1, attack: 'lstm' })).toMatchObject({ split: { train: 1 }, seeds: 1 });
  expect(() => resolveTraining({ trainShare: 1.5 })).toThrow(/^--train-share: expected more than 0 and at most 1, /);
});

test('no two options share a flag, and each default is the one that the help shows', () => {
  const flags = optionsOf(benchRequest).map(({ flag }) => flag);
  expect(new Set(flags).size).toBe(flags.length);
  expect(help).toMatch(/--window +Packets per window {2}\[100\]/);
  expect(help.replaceAll(/\s+/g, ' ')).toContain('[24, quick: 6, live: 1]');
});
