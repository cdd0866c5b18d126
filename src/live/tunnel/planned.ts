import { z } from 'zod';
import { encapsulationOf, tunnelParameters } from '../../shaping/kit/tunnel.js';
import type { AppliedDefense } from '../../shaping/shaper.js';
import { OVERHEAD } from './frame.js';

/** Bytes by which an IPv6 header is longer than an IPv4 header. */
export const IPV6_EXTRA = 20;

/**
 * Explains in one line why a sequence of defenses cannot run at the ends of a tunnel, where each end sends in one direction only.
 * @returns null where it can
 */
export function whyNotLive(parts: readonly Pick<AppliedDefense, 'defense'>[]): string | null {
  for (const [i, { defense }] of parts.entries()) {
    if (defense.notLive) return `defense ${defense.name}: cannot run live: ${defense.notLive}`;
    const next = parts[i + 1];
    if (defense.tunnel && next) {
      return `defense ${defense.name}: is a tunnel, and cannot run live with another behind it, found ${next.defense.name}`;
    }
  }
  return null;
}

/**
 * Bytes by which every frame is longer on the wire than the defense plans. A defense that is a tunnel plans with the shorter headers of
 * WireGuard or OpenVPN, and every defense plans with IPv4.
 */
export function lengthOffset(defenses: readonly AppliedDefense[], family: 4 | 6): number {
  const last = defenses.at(-1);
  const planned = last?.defense.tunnel ? tunnelParameters.safeParse(z.looseObject({}).parse(last.parameters)) : null;
  // The defense plans a cell header of 4 bytes; a record header takes 8.
  const cell = planned?.success ? OVERHEAD - 4 - encapsulationOf(planned.data).frame(0) : 0;
  return cell + (family === 6 ? IPV6_EXTRA : 0);
}
