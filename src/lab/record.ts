import { defenseOf, prepareAll } from '../harness/plugins/registry.js';
import type { Recording, RecordRequest } from '../harness/recording.js';
import { UNDEFENDED } from '../harness/seed-run.js';
import { cutTime, packetRange, splitAt } from '../learning/split.js';
import type { LiveFigures, ResolvedDefense } from '../result/result.js';
import type { Observed } from '../shaping/account.js';
import { shapeAll } from '../shaping/simulate.js';
import { UsageError } from '../shared/errors.js';
import { createRng } from '../shared/rng.js';
import { noiseConfigOf } from './noise.js';
import type { NoisePlan } from './noise-maker.js';
import { type Noise, type Plan, planOf } from './plan.js';
import { findRequirements } from './requirements.js';
import { type LabRun, playingTime, runLab } from './run.js';
import { type Script, scriptOfHome, scriptOfTrace } from './script.js';
import { labVpn } from './simulated.js';

/**
 * Plays a home in the lab once for each defense and seed: the applications of the synthetic home, or connections with the lengths and
 * times of a trace. `homeveil noise` makes a defense's browsing; every other defense runs at the ends of a live tunnel that carries a
 * VPN.
 */
export async function recordLive(request: RecordRequest): Promise<Recording> {
  const { spec, plugins, onProgress, signal } = request;
  const plans = new Map(spec.defenses.map((defense) => [defense.label, planOf(defense, spec, plugins)]));
  plans.set(UNDEFENDED.label, planOf(UNDEFENDED, spec, plugins));
  const missing = findRequirements([...plans.values()].some(({ vpn }) => vpn));
  if (missing !== null) throw new UsageError(`--live: ${missing}`);
  const script = scriptFor(request);
  const speed = spec.live?.speed ?? (await fastest([...plans.values()], request));
  for (const { noise } of plans.values()) if (noise) checkNoise(noise, script, speed);
  const runs = new Map<string, Promise<LabRun>>();

  const learn = async (seed: number) => (await recording.observe(seed, UNDEFENDED, 'train')).original;
  const run = (seed: number, defense: ResolvedDefense): Promise<LabRun> => {
    const key = `${seed} ${defense.label}`;
    const known = runs.get(key);
    if (known) return known;
    const plan = plans.get(defense.label)!;
    const made = (async () => {
      const learns = plan.shaping?.parts.some((part) => defenseOf(part, plugins).prepare) ?? false;
      const training = learns ? await learn(seed) : null;
      const noise: NoisePlan | undefined = plan.noise && {
        ...plan.noise,
        ...{ speed, seed, from: script.from, seconds: script.seconds },
      };
      return runLab({
        ...{ script, speed, noise, training, seed, onProgress, signal },
        ...{ vpn: plan.vpn, shaping: plan.shaping, plugins: plugins.files.map(({ path }) => path) },
        detail: `${defense.label}, ${speed} times as fast`,
      });
    })();
    runs.set(key, made);
    return made;
  };

  const recording = cutRecording(run, spec.split.train!);
  return { ...recording, seconds: playingTime(script, speed) };
}

/** A whole run of a home under a defense. */
export interface WholeRun {
  readonly recorded: Observed;
  readonly figures: LiveFigures;
}

/**
 * Cuts all runs of a seed at the same time of the home: when `share` of its packets have passed without any defense.
 * @param run returns the same run for the same seed and defense
 */
export function cutRecording(
  run: (seed: number, defense: ResolvedDefense) => Promise<WholeRun>,
  share: number,
): Omit<Recording, 'seconds'> {
  const figures = new Map<string, LiveFigures>();
  return {
    async observe(seed, defense, part) {
      const time = cutTime((await run(seed, UNDEFENDED)).recorded.original, share);
      const whole = await run(seed, defense);
      figures.set(`${seed} ${defense.label}`, whole.figures);
      return partOf(whole.recorded, time, part);
    },
    figures: (seed, defense) => figures.get(`${seed} ${defense.label}`)!,
  };
}

/** Refuses noise that the lab cannot make, before anything is played. @throws UsageError */
function checkNoise(noise: Noise, { seconds }: Script, speed: number): void {
  noiseConfigOf(noise, { web: { roots: ['https://lab.test/'] }, speed, seconds, seed: 0, state: '' });
}

function scriptFor({ spec, trace, classes }: RecordRequest): Script {
  const { data } = spec;
  const isInvented = data.kind === 'synthetic' && data.profiles === undefined;
  const script = isInvented
    ? scriptOfHome({ hours: data.hours, seed: data.seed }).script
    : scriptOfTrace(trace, Number.POSITIVE_INFINITY);
  const takesPart = script.devices.map(({ name }) => classes.includes(name));
  return { ...script, parts: script.parts.filter(({ device }) => takesPart[device]) };
}

/** Frames per second in both directions that two cores keep up with; measured, see docs/live.md. */
const MOST_FRAMES = 800;
/** Fastest speed: beyond it, delays of processes and timers weigh too much in the home's time. */
const FASTEST = 20;
/** Fastest speed with noise, whose pages load in real time. */
const FASTEST_WITH_NOISE = 10;
const TRIED_PACKETS = 5000;

/**
 * Finds the fastest speed that suits all runs, from the rate of frames that each defense sends in simulation. All runs have the same
 * speed, since they are compared and speed shows in times.
 */
async function fastest(plans: readonly Plan[], { spec, parts, plugins }: RecordRequest): Promise<number> {
  let speed = FASTEST;
  const few = packetRange(parts.test, 0, Math.min(parts.test.packets, TRIED_PACKETS));
  for (const { shaping, noise } of plans) {
    if (noise) speed = Math.min(speed, FASTEST_WITH_NOISE);
    const rng = createRng(spec.seed, 'speed');
    const applied = shaping ? await prepareAll(shaping, { trace: parts.train, rng }, plugins) : [];
    const isTunnel = applied.some(({ defense }) => defense.tunnel);
    const { trace } = shapeAll(few, isTunnel ? applied : [labVpn(0), ...applied], { rng });
    const seconds = trace.time[trace.packets - 1]! - trace.time[0]!;
    if (seconds > 0) speed = Math.min(speed, MOST_FRAMES / (trace.packets / seconds));
  }
  return Math.max(1, speed >= 2 ? Math.floor(speed) : speed);
}

/** The frames on the wire before `time` or from then on, and the packets that entered in that part. */
function partOf({ trace, original, delivered }: Observed, time: number, part: 'train' | 'test'): Observed {
  const observed = splitAt(trace, time)[part];
  const entered = splitAt(original, time);
  const [from, to] = part === 'train' ? [0, entered.train.packets] : [entered.train.packets, original.packets];
  const own = delivered.subarray(from, to);
  const real = entered[part];
  let dropped = 0;
  for (let i = 0; i < own.length; i++) if (Number.isNaN(own[i]) && real.cover[i] === 0) dropped++;
  return { trace: observed, original: real, delivered: own, dropped };
}
