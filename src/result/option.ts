import type { z } from 'zod';

/** Everything about an option of a run besides its zod type. */
export interface Option {
  /** Help text, without a full stop. */
  readonly about: string;
  /** Name on the command line; by default the key in kebab case. */
  readonly flag?: string;
  /** How the help shows a default that is not a constant. */
  readonly otherwise?: string;
  /** Whether a study sets it for each dataset, or varies it under the name given here; by default a study has one value. */
  readonly study?: 'dataset' | { readonly axis: string };
  /** Default in a study, where it differs. */
  readonly studyDefault?: unknown;
  /** Whether a value is a path, which a study file takes as relative to itself. */
  readonly isPath?: (value: string) => boolean;
  /** A value other than the default. */
  readonly example: unknown;
  /** Options that the example needs beside it. */
  readonly needs?: Readonly<Record<string, unknown>>;
}

/** An option that stands in the resolved spec under its own key. */
export interface Setting extends Option {
  /** Default that depends on other options. */
  readonly fallback?: (request: { readonly window: number; readonly quick: boolean }) => unknown;
  /** Value in results that are older than the option. */
  readonly older?: unknown;
}

const options = new WeakMap<z.ZodType, Option>();

/** Declares what is known about the option with this zod type, and gives the type back. */
export function option<T extends z.ZodType, O extends Option>(type: T, text: O): T {
  options.set(type, text);
  return type;
}

/** Looks up what {@link option} was told about a zod type. */
export const textOf = <O extends Option>(type: z.ZodType): O => options.get(type) as O;
