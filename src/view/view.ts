import type { z } from 'zod';
import type { AppliedDefense } from '../shaping/shaper.js';
import type { ParameterSchema } from '../shared/parameters.js';
import type { Rng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';

/** A place on the network from which an observer watches the home: see docs/writing-a-view.md for how to write one. */
export interface View<S extends ParameterSchema = ParameterSchema> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Paper, standard or "our choice". */
  readonly source: string;
  readonly parameters: S;
  /**
   * True where the observer sits before the gateway and tells devices apart by their MAC addresses: no window then holds packets of
   * two devices, and no tunnel is in the way.
   */
  readonly perDevice: boolean;
  /**
   * Selects the packets that pass the observer, in their order. Only addresses and ports of `flows`, and hop limits, may differ
   * from those of `trace`: times, lengths and ground truth stay.
   */
  select(trace: Trace, rng: Rng): Trace;
  /**
   * Names what the packets are carried in on the observer's link: a tunnel, or a link layer that adds bytes to each frame. It works on
   * frames as they leave the last defense, and takes no training. Left out, or null, where frames pass as they are.
   */
  carry?(parameters: z.output<S>): AppliedDefense | null;
  /**
   * Says what `--live` captures for this view: the packets `outside` the gateway, or its WireGuard `tunnel`. Left out, or null, where
   * the lab has nothing like it: then the view is refused with `--live`.
   */
  live?(parameters: z.output<S>): 'outside' | 'tunnel' | null;
}

/** Gives a view its type; the identity at run time. */
export function defineView<S extends ParameterSchema>(view: View<S>): View<S> {
  return view;
}
