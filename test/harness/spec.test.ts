import { expect, test } from 'vitest';
import { addPlugins } from '../../src/harness/plugins/registry.js';
import { type BenchRequest, resolveSpec, resolveTraining } from '../../src/harness/spec.js';
import { UsageError } from '../../src/shared/errors.js';
import napt from '../../views/napt.js';

test('with nothing asked for, it is the synthetic home, both adversaries, and padding and jitter beside none', () => {
  const spec = resolveSpec({});
  expect(spec.data).toEqual({ kind: 'synthetic', hours: 24, seed: 1 });
  expect(spec.adversaries).toEqual(['static', 'adaptive']);
  expect(spec.defenses[0]!.label).toBe('none');
  expect(spec.view.name).toBe('napt');
  expect(spec.mix).toBe('home');
  expect([spec.window, spec.stride, spec.minimumPackets, spec.seeds]).toEqual([100, 25, 100, 1]);
});

test('the world is closed, or without the devices named, or without as many as asked for', () => {
  expect(resolveSpec({})).not.toHaveProperty('unknown');
  expect(resolveSpec({ unknown: ['plug', '7'] }).unknown).toEqual(['plug', '7']);
  expect([resolveSpec({ unknown: 2 }).unknown, resolveSpec({ unknown: ['2'] }).unknown]).toEqual([2, 2]);
});

test('live traffic is an hour at the speed that suits it, unless told otherwise', () => {
  expect(resolveSpec({})).not.toHaveProperty('live');
  expect(resolveSpec({ live: true })).toMatchObject({ live: { speed: null }, data: { hours: 1 } });
  expect(resolveSpec({ live: true, speed: 5, hours: 3 })).toMatchObject({ live: { speed: 5 }, data: { hours: 3 } });
});

test('every parameter of every defense is written out', () => {
  const { defenses } = resolveSpec({ defenses: ['pad:rule=linear+jitter'] });
  expect(defenses[0]!.label).toBe('pad:rule=linear+jitter');
  expect(defenses[0]!.parts.map((part) => part.name)).toEqual(['pad', 'jitter']);
  expect(defenses[0]!.parts[0]!.parameters).toMatchObject({ rule: 'linear' });
  expect(Object.keys(defenses[0]!.parts[1]!.parameters).length).toBeGreaterThan(0);
});

test('captures are split by time, by file where each folder is a device, or as given', () => {
  const split = (request: BenchRequest) => resolveSpec({ data: ['x'], labels: 'labels.csv', ...request }).split;
  expect(split({})).toEqual({ by: 'time', train: 0.6 });
  for (const labels of ['folder', 'folder=2', 'folder=top']) {
    expect(split({ labels })).toEqual({ by: 'file', train: 0.6 });
  }
  expect(split({ labels: 'folder', split: 'time' })).toEqual({ by: 'time', train: 0.6 });
  expect(split({ split: 'file', trainShare: 0.5 })).toEqual({ by: 'file', train: 0.5 });
  expect(split({ data: undefined, train: ['a'], test: ['b'] })).toEqual({ by: 'paths', train: null });
});

test('a gap is in the split where it is asked for', () => {
  expect(resolveSpec({}).split).not.toHaveProperty('gap');
  expect(resolveSpec({ gap: 1.5 }).split).toEqual({ by: 'time', train: 0.6, gap: 1.5 });
  expect(() => resolveTraining({ gap: 2, trainShare: 1 })).toThrow(/^--gap is before a test part: expected/);
});

test('copies are told of only where they are kept, so that a run by default is named as ever', () => {
  const data = (request: BenchRequest) => resolveSpec({ data: ['x'], labels: 'file', ...request }).data;
  const plain = { kind: 'captures', paths: ['x'], labels: 'file', train: null, test: null };
  expect(data({})).toEqual(plain);
  expect(data({ duplicates: 'drop' })).toEqual(plain);
  expect(data({ duplicates: 'keep' })).toEqual({ ...plain, duplicates: 'keep' });
});

test.each<[BenchRequest, RegExp]>([
  [{ data: ['x'] }, /^captures need --labels/],
  [{ gap: 0 }, /^--gap: expected a number greater than 0, found 0$/],
  [{ gap: 1, data: ['x'], labels: 'folder' }, /^--gap is for a split by time: expected --split time$/],
  [{ gap: 1, train: ['x'], test: ['y'], labels: 'file' }, /^--gap does not go with --train and --test/],
  [{ gap: 1, live: true }, /^--gap does not go with --live/],
  [{ labels: 'file' }, /^--labels needs captures/],
  [{ duplicates: 'keep' }, /^--duplicates needs captures/],
  [{ data: ['x'], labels: 'file', duplicates: 'no' as 'keep' }, /^--duplicates: expected drop or keep, found "no"$/],
  [{ train: ['a'], labels: 'file' }, /^--train needs --test/],
  [{ data: ['x'], train: ['a'], test: ['b'], labels: 'file' }, /^--data and --train\/--test exclude each other$/],
  [{ train: ['a'], test: ['b'], labels: 'file', split: 'time' }, /^--split does not go with --train/],
  [{ split: 'file' }, /^--split file needs captures$/],
  [{ data: ['x'], labels: 'file', hours: 3 }, /^--hours is for the synthetic home/],
  [{ hours: -1 }, /^--hours: expected a number greater than 0, found -1$/],
  [{ window: 1 }, /^--window: expected a whole number, from 2 to 65535, found 1$/],
  [{ seeds: 0 }, /^--seeds: expected a whole number/],
  [{ seed: 1.5 }, /^--seed: expected a whole number, at least 0, found 1.5$/],
  [{ trainShare: 1 }, /^--train-share: expected more than 0 and less than 1, found 1$/],
  [{ maximumTrainPackets: 0 }, /^--maximum-train-packets: expected a whole number, at least 1, found 0$/],
  [{ adversaries: ['transfer'] }, /^--adversary: expected static or adaptive beside transfer$/],
  [{ speed: 20 }, /^--speed is for live traffic: it needs --live$/],
  [{ live: true, speed: 0 }, /^--speed: expected a number greater than 0, found 0$/],
  [{ live: true, speed: 101 }, /^--speed: expected at most 100, found 101$/],
  [{ live: true, capacity: 3 }, /^--capacity does not go with --live/],
  [{ live: true, unknown: 1 }, /^--unknown does not go with --live/],
  [{ live: true, view: 'lan' }, /^--view lan does not go with --live: .* expected napt or vpn$/],
  [{ live: true, view: 'vpn:tunnel=openvpn' }, /^--view vpn:tunnel=openvpn does not go with --live/],
  [{ live: true, data: ['x'], labels: 'folder' }, /^a split by files does not go with --live/],
  [{ live: true, data: ['x'], labels: 'folder=2' }, /^a split by files does not go with --live/],
  [{ data: ['x'], labels: 'folder=0' }, /^--labels folder=0: expected folder=N/],
  [{ live: true, data: ['x'], labels: 'file' }, /^a split by files does not go with --live/],
  [{ live: true, data: ['x'], labels: 'l.csv', split: 'file' }, /^a split by files does not go with --live/],
  [{ live: true, train: ['x'], test: ['y'], labels: 'l.csv' }, /^a split by files does not go with --live/],
  [{ mix: 'hoem' as 'home' }, /^--mix: expected single, home, flow or remote, found "hoem" \(did you mean "home"\?\)$/],
  [{ adversaries: ['adaptiv' as 'adaptive'] }, /^--adversary: .*did you mean "adaptive"/],
  [{ view: 'nat' }, /^no view is called "nat" \(did you mean "napt"\?\); there is lan, napt, vpn$/],
  [{ attacks: ['forest'] }, /^no attack is called "forest"/],
  [{ defenses: ['padd:rule=mtu'] }, /^no defense is called "padd" \(did you mean "pad"\?\)/],
  [{ defenses: ['pad:rul=mtu'] }, /^defense pad: unknown parameter "rul" \(did you mean "rule"\?\)/],
  [{ defenses: ['jitter', 'jitter'] }, /^defense "jitter" is given twice$/],
  [{ defenses: ['vpn+vpn'] }, /are both tunnels; expected one$/],
  [{ defenses: [] }, /^expected at least one defense$/],
  [{ unknown: 0 }, /^--unknown: expected a whole number, at least 1, found 0$/],
  [{ unknown: ['1.5'] }, /^--unknown: expected a whole number, at least 1, found 1.5$/],
  [{ unknown: [] }, /^--unknown: expected names of devices, or how many of them, found \[\]$/],
  [{ unknown: ['plug', 'hub', 'plug'] }, /^--unknown: "plug" is given twice$/],
  [{ windw: 50 } as BenchRequest, /^unknown option "windw" \(did you mean "window"\?\)$/],
  [{ data: 'x' as never }, /^--data: expected array, received string, found "x"$/],
  [{ capacity: 0 }, /^--capacity: expected a number greater than 0, found 0$/],
])('%o is refused in one line', (request, message) => {
  expect(() => resolveSpec(request)).toThrow(UsageError);
  expect(() => resolveSpec(request)).toThrow(message);
});

test('a view that says nothing of live traffic is refused there, and runs in simulation', () => {
  const plugins = addPlugins({ views: [{ ...napt, name: 'elsewhere', live: undefined }] });
  expect(resolveSpec({ view: 'elsewhere' }, plugins).view.name).toBe('elsewhere');
  expect(() => resolveSpec({ view: 'elsewhere', live: true }, plugins)).toThrow(
    /^--view elsewhere does not go with --live: the lab has nothing like it; expected napt or vpn$/,
  );
});
