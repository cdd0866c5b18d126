import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { InputError } from '../shared/errors.js';
import { startActor } from './actor.js';
import { createCertificate } from './certificate.js';
import { noiseConfigOf } from './noise.js';
import type { Notice, Order } from './noise-process.js';
import type { Noise } from './plan.js';
import { RESOLVER_ADDRESS, type Stage, WEB_NETWORK } from './stage.js';
import { createWeb } from './web.js';
import type { WebOrder } from './web-process.js';

export interface NoisePlan extends Noise {
  readonly speed: number;
  /** Start of the noise in seconds since the Unix epoch, and its duration in seconds, both on the home's clock. */
  readonly from: number;
  readonly seconds: number;
  readonly seed: number;
}

/** A browser in the home that makes noise. */
export interface NoiseMaker {
  /** Begins at `start`, in milliseconds of Unix time. @throws InputError where it fails */
  begin(start: number): Promise<void>;
  /** @throws InputError where the noise has failed */
  stop(): Promise<void>;
}

/** Opens the web that the noise visits, and starts the browser process. */
export async function openNoise(
  stage: Stage,
  { speed, from, seconds, seed, ...noise }: NoisePlan,
  folder: string,
): Promise<NoiseMaker> {
  const options = { seed, objects: noise.browsing.objects, speed };
  const web = createWeb(options);
  const config = noiseConfigOf(noise, {
    ...{ web, speed, seconds, seed },
    state: join(folder, 'noise.json'),
    networks: [WEB_NETWORK],
  });
  const identity = await createCertificate([...web.hosts]);
  const addresses = Array.from({ length: web.hosts.length }, (_, i) => `100.64.${1 + (i >> 7)}.${1 + (i & 127)}`);
  const order: WebOrder = { ...options, identity, resolver: RESOLVER_ADDRESS, addresses };
  await startActor(stage.web, './web-process.js').ask(order);
  const browser = startActor(stage.browser, './noise-process.js');
  const check = (notice: Notice): void => {
    if (notice.type === 'error') throw new InputError(`live: noise: ${notice.problem}`);
  };
  return {
    async begin(start) {
      await pause(Math.max(0, start - Date.now()));
      const clock = { at: start / 1000, showed: from, speed };
      check(await browser.ask<Notice>({ config, ca: identity.cert, clock } satisfies Order));
    },
    stop: async () => check(await browser.ask<Notice>({ type: 'stop' })),
  };
}
