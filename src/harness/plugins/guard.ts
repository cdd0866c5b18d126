import type { Attack, Identifier } from '../../learning/attack.js';
import type { AppliedDefense, Defense, Shaper } from '../../shaping/shaper.js';
import { describeThrown, HomeveilError, PluginError } from '../../shared/errors.js';
import type { View } from '../../view/view.js';

/**
 * Returns the same plug-in, except that unexpected exceptions become a PluginError of one line that names it. Only plug-ins from files are
 * guarded: an exception in a built-in is a bug of ours and keeps its stack.
 */
export function guardDefense(defense: Defense, path: string): Defense {
  const { guard, guardAsync } = createGuards(`defense ${defense.name} (${path})`);
  const { scope, tunnel, prepare, browsing, padsTo } = defense;
  const guardShaper = (shaper: Shaper): Shaper => {
    const { wake, close } = shaper;
    return {
      packet: guard(shaper.packet.bind(shaper)),
      ...(wake && { wake: guard(wake.bind(shaper)) }),
      ...(close && { close: guard(close.bind(shaper)) }),
    };
  };
  return override(defense, {
    ...(typeof scope === 'function' && { scope: guard(scope.bind(defense)) }),
    ...(tunnel && { tunnel: guard(tunnel.bind(defense)) }),
    ...(prepare && { prepare: guardAsync(prepare.bind(defense)) }),
    ...(browsing && { browsing: guard(browsing.bind(defense)) }),
    ...(padsTo && { padsTo: guard(padsTo.bind(defense)) }),
    create: guard((parameters, knowledge) => guardShaper(defense.create(parameters, knowledge))),
  });
}

/** Guards a view and what it carries packets in, as {@link guardDefense} does. */
export function guardView(view: View, path: string): View {
  const { guard } = createGuards(`view ${view.name} (${path})`);
  const { select, carry, live } = view;
  const guardCarrier = (carrier: AppliedDefense | null): AppliedDefense | null =>
    carrier && { ...carrier, defense: guardDefense(carrier.defense, path) };
  return override(view, {
    select: guard(select.bind(view)),
    ...(carry && { carry: guard((parameters) => guardCarrier(carry.call(view, parameters))) }),
    ...(live && { live: guard(live.bind(view)) }),
  });
}

/** Guards an attack, as {@link guardDefense} does. */
export function guardAttack(attack: Attack, path: string): Attack {
  const where = `attack ${attack.name} (${path})`;
  const { guard, guardAsync } = createGuards(where);
  const { open } = attack;
  const guardIdentifier = (identifier: Identifier): Identifier => {
    const { save } = identifier;
    return override(identifier, {
      predict: guardAsync(identifier.predict.bind(identifier)),
      ...(save && { save: guard(save.bind(identifier)) }),
    });
  };
  return override(attack, {
    async fit(train, validation, context) {
      try {
        return guardIdentifier(await attack.fit(train, validation, context));
      } catch (thrown) {
        // The reason of an aborted signal is no fault of the attack.
        throw context.signal?.aborted && thrown === context.signal.reason ? thrown : named(where, thrown);
      }
    },
    ...(open && {
      open: guardAsync(async (...given: Parameters<typeof open>) => guardIdentifier(await open.apply(attack, given))),
    }),
  });
}

function createGuards(where: string) {
  return {
    guard:
      <A extends unknown[], R>(body: (...given: A) => R) =>
      (...given: A): R => {
        try {
          return body(...given);
        } catch (thrown) {
          throw named(where, thrown);
        }
      },
    guardAsync:
      <A extends unknown[], R>(body: (...given: A) => R | Promise<R>) =>
      async (...given: A): Promise<R> => {
        try {
          return await body(...given);
        } catch (thrown) {
          throw named(where, thrown);
        }
      },
  };
}

function named(where: string, thrown: unknown): unknown {
  if (thrown instanceof HomeveilError) return thrown;
  return new PluginError(`${where}: ${describeThrown(thrown)}`, { cause: thrown });
}

/** Replaces some members of an object; the others are inherited, so that objects of a class work too. */
function override<T extends object>(original: T, given: Partial<T>): T {
  return Object.assign(Object.create(original), given);
}
