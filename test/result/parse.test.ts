import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderHtml } from '../../src/report/html.js';
import { parseAnyResult, parseResult } from '../../src/result/parse.js';
import { resultJsonSchema, type StudyResult } from '../../src/result/result.js';
import { settings } from '../../src/result/spec.js';
import { InputError } from '../../src/shared/errors.js';
import { makeOlderResult, makeResult } from '../support/make-result.js';

const text = JSON.stringify(makeResult());
const reports = new URL('../../reports/', import.meta.url).pathname;

describe('reading a result file', () => {
  test('gives back what was written, keys of later versions included', () => {
    const written = { ...makeResult({ devices: ['__proto__', 'plug'] }), later: [1] };
    const read = parseResult(JSON.stringify(written), 'result.json');
    expect(JSON.stringify(read)).toBe(JSON.stringify(written));
  });

  test('takes a result from before there were plug-ins', () => {
    const { plugins, ...spec } = makeResult().spec;
    expect(plugins).toEqual([]);
    const read = parseResult(JSON.stringify({ ...makeResult(), spec }), 'result.json');
    expect(read.spec.plugins).toEqual([]);
  });

  test('takes a result of before there were metrics', () => {
    const written = JSON.stringify(makeOlderResult());
    expect(written).not.toMatch(/metrics|presence|dropLow|gigabytes/);
    // It was made by an observer who read no addresses: there was no other.
    const read = parseResult(written, 'result.json');
    expect({ ...read, spec: { ...read.spec } }).toEqual(JSON.parse(written));
    const { observer: _, ...spec } = makeOlderResult().spec;
    expect(parseResult(JSON.stringify({ ...makeOlderResult(), spec }), 'result.json').spec.observer).toBe('paper');
  });

  const committed = readdirSync(reports).filter((name) => !name.includes('.') && name !== 'latest');

  test.each(committed)('takes reports/%s', (name) => {
    const path = join(reports, name, 'result.json');
    const text = readFileSync(path, 'utf8');
    const { runs, ...rest } = parseAnyResult(text, path) as StudyResult;
    const written = JSON.parse(text) as StudyResult;
    const withObserver = written.runs.map((run) => ({ ...run, spec: { ...run.spec, observer: 'paper' } }));
    expect({ ...rest, runs: runs.map((run) => ({ ...run, spec: { ...run.spec } })) }).toEqual({
      ...written,
      runs: withObserver,
    });
    const broken = text.replace('"accuracy":', '"acuracy":');
    expect(() => parseAnyResult(broken, path)).toThrow(
      /result\.json: runs\[0\]\.cells\[0\]\.identification\.accuracy: /,
    );
  });

  test.each([
    ['', /^r\.json: expected JSON: /],
    [text.slice(0, 100), /^r\.json: expected JSON: /],
    ['[]', /^r\.json: expected a result object, found \[\]$/],
    ['{}', /^r\.json: schemaVersion: expected 1, found nothing$/],
    [text.replace('"schemaVersion":1', '"schemaVersion":2'), /^r\.json: schemaVersion: expected 1, found 2$/],
    [
      text.replace('"accuracyHigh":', '"accuracyTop":'),
      /^r\.json: cells\[0\]\.identification\.accuracyHigh: expected number, .*found nothing$/,
    ],
    [
      text.replace('"packets":171234', '"packets":"many"'),
      /^r\.json: dataset\.packets: expected number.*, found "many"$/,
    ],
    [
      text.replace('"mutualInformation":{"port":0.5', '"mutualInformation":{"port":null'),
      /^r\.json: metrics\[0\]\.mutualInformation\.port: expected number, .*found null$/,
    ],
    [
      text.replace('"mix":"home"', '"mix":"all"'),
      /^r\.json: spec\.mix: expected single, home, flow or remote, found "all"$/,
    ],
    [
      text.replace('"window":100', '"window":1'),
      /^r\.json: spec\.window: expected a whole number, from 2 .*, found 1$/,
    ],
    [text.replace('"by":"time"', '"by":"luck"'), /^r\.json: spec\.split\.by: expected one of .*, found "luck"$/],
  ])('says in one line what is wrong (%#)', (broken, message) => {
    const read = () => parseResult(broken, 'r.json');
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
    expect(read).not.toThrow(/\n/);
  });

  test('a report refuses a result of another schema version', async () => {
    const other = { ...makeResult(), schemaVersion: 2 } as never;
    await expect(renderHtml(other)).rejects.toThrow(new InputError('result: schemaVersion: expected 1, found 2'));
  });
});

test('the JSON Schema of a result has every key of a cell and every setting, with what it is', () => {
  const schema = JSON.parse(JSON.stringify(resultJsonSchema()));
  const { properties } = schema.$defs.Result;
  expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(makeResult())));
  expect(Object.keys(properties.cells.items.properties)).toEqual(
    expect.arrayContaining(Object.keys(makeResult().cells[0]!)),
  );
  for (const key of Object.keys(settings)) expect(properties.spec.properties[key].description).toBeTruthy();
});
