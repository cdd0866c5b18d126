import { describe, expect, test } from 'vitest';
import jitter from '../../defenses/jitter.js';
import pad from '../../defenses/pad.js';
import { checkComposition, checkDefense } from '../../src/conformance/check-defense.js';
import type { ConformanceReport } from '../../src/conformance/report.js';
import { builtIns, defenseOf, defenses, resolveDefense } from '../../src/harness/plugins/registry.js';
import { parseRequest } from '../../src/shared/parameters.js';

/**
 * Defenses that must keep the contract with certain parameters or in a row, besides their defaults, their neutral parameters and those
 * drawn by chance.
 */
const requests = [
  ...pad.parameters.shape.rule.unwrap().options.map((rule) => `pad:rule=${rule}`),
  'pad:rule=random,width=0',
  'pad:rule=mtu,size=1514',
  ...jitter.parameters.shape.distribution.unwrap().options.map((distribution) => `jitter:distribution=${distribution}`),
  'jitter:distribution=exponential,delay=5',
  'jitter:distribution=batch,quantum=1',
  'vpn:tunnel=openvpn',
  'vpn:mtu=576',
  'noise:users=3,objects=20',
  'dummy:rate=5,timing=fixed',
  'spoof:device=plug,share=1,stretch=20',
  'front:client=50,server=80,idle=1',
  'front:client=50,server=80,per=home',
  'wtf-pad:per=home',
  'constant-rate:interval=0.5',
  'constant-rate:per=device,size=128,interval=2',
  'buflo:duration=1',
  'buflo:per=device,size=1000,interval=0.04,duration=0',
  'tamaraw:per=device,multiple=1,inbound=0.04',
  'stp:rate=10',
  'stp:per=home,rate=10,probability=1',
  'regulator:budget=100',
  'regulator:per=device,rate=10,decay=0.5,budget=20,ratio=1,cap=0.1',
  'split:over=64,least=64',
  'split:over=1000,least=700',
  'morph:device=plug,mapping=quantile,parts=4',
  'vpn-shaping:mode=stepped,up=400,down=400,hold=3',
  'vpn-shaping:cell=256,queue=20,tunnel=openvpn',
  'netshaper:intervalUp=0.5',
  'netshaper:intervalUp=2,windowUp=2,intervalDown=3,sensitivityUp=0,sensitivityDown=0,tunnel=openvpn',
  'maybenot:per=device,size=1514',
  'pad+jitter',
  'split+pad:rule=random',
  'jitter+split+vpn',
  'jitter+vpn-shaping',
  'pad+netshaper:intervalUp=0.5+jitter:delay=0.01',
  'jitter+pad:rule=random',
  'pad:rule=linear+vpn',
  'vpn+pad:rule=mtu,size=1514',
  'jitter+vpn:tunnel=openvpn+jitter',
  'pad:rule=mtu+dummy+noise',
];
const [compositions, singles] = [requests.filter(isComposition), requests.filter((text) => !isComposition(text))];

function isComposition(text: string): boolean {
  return resolveDefense(text).parts.length > 1;
}

/** Other parameters with which a defense changes nothing, besides its `neutral` ones. */
const neutral = [
  'pad:rule=random,width=0',
  'pad:rule=linear,step=1',
  'pad:rule=gaussian,mean=0,deviation=0',
  'jitter:distribution=normal,delay=0,deviation=0',
  'jitter:distribution=laplace,delay=0,deviation=0',
  'jitter:distribution=exponential,delay=0',
  'jitter:distribution=batch,quantum=0',
  'noise:users=0',
  'dummy:rate=0',
  'spoof:devices=0',
  'front:client=0,server=0',
];

/** Sets of parameters drawn by chance, over all defenses together. */
const SETS = 10_000;
/** Frames that those of one defense make, at most: some seconds. */
const FRAMES = 4e6;

const failures = ({ checks }: ConformanceReport) => checks.filter(({ passed }) => !passed);
const givenIn = (texts: readonly string[], wanted: string) =>
  texts
    .map(parseRequest)
    .filter(({ name }) => name === wanted)
    .map(({ given }) => given);

describe.each(defenses)('$name', (defense) => {
  test('keeps the contract, with parameters drawn by chance too', async () => {
    const parameters = givenIn(singles, defense.name);
    const sets = Math.ceil(SETS / defenses.length);
    expect(failures(await checkDefense(defense, { parameters, sets, drawnFrames: FRAMES }))).toEqual([]);
  });
});

/** The parts of a request in a row, were it but one. */
const checkRow = (text: string) =>
  checkComposition(
    text,
    resolveDefense(text).parts.map((part) => ({ defense: defenseOf(part, builtIns), parameters: part.parameters })),
  );

test.each(compositions)('%s keeps the contract', async (text) => {
  expect(failures(await checkRow(text))).toEqual([]);
});

test.each(neutral)('%s changes nothing', async (text) => {
  const { name, given } = parseRequest(text);
  const defense = { ...defenses.find((one) => one.name === name)!, neutral: given };
  const report = await checkDefense(defense, { sets: 0 });
  expect(failures(report)).toEqual([]);
  const checked = report.checks.find((check) => check.name === 'changes-nothing-where-neutral');
  expect(checked).toMatchObject({ outcome: 'ok' });
});

test.each([
  'pad:rule=random',
  'pad:rule=uniform',
  'pad:rule=gaussian',
  'pad:rule=levels',
  'jitter',
  'jitter:distribution=laplace',
  'noise',
  'dummy:rate=5',
  'front:client=50,server=80,idle=1',
  'wtf-pad',
  'split',
  'morph',
  'netshaper',
  'maybenot',
])('%s differs from seed to seed', async (text) => {
  const report = await checkRow(text);
  expect(report.checks.find(({ name }) => name === 'other-for-another-seed')).toMatchObject({ outcome: 'ok' });
});

test('mice longer than size are refused, but only where there are mice', () => {
  const message = 'defense pad: mice: expected at most size, which is 100, found 128';
  expect(() => resolveDefense('pad:rule=mice-elephants,size=100')).toThrow(message);
  expect(resolveDefense('pad:rule=mtu,size=100').parts[0]!.parameters).toMatchObject({ size: 100 });
});
