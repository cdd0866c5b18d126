import { UsageError } from '../shared/errors.js';
import {
  describeParameters,
  isKebabCase,
  type ParameterDomain,
  type ParameterSchema,
  parameterDomains,
  resolveParameters,
  unwritableParameters,
} from '../shared/parameters.js';
import { justAbove, justBelow } from './draw-parameters.js';
import { type Check, demand, type Recorder } from './report.js';

/** The description that defenses, attacks and views share. */
interface Plugin {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly parameters: ParameterSchema;
}

const describes: Check = {
  name: 'describes-itself',
  summary:
    'A name in kebab-case, a summary and a source; each parameter has a default, a description, and a type that name:key=value can give.',
};

const bounds: Check = {
  name: 'bounds-its-numbers',
  summary:
    'Each number has a smallest and a largest value; the next beyond is refused in one line that names parameter and value.',
};

export const descriptionChecks: readonly Check[] = [describes, bounds];

/** @param where begins messages about parameters: 'defense pad' */
export function checkDescription(recorder: Recorder, plugin: Plugin, where: string): void {
  recorder.attempt(describes, {}, () => {
    demand(isKebabCase(plugin.name), `name: expected lower-case words joined by hyphens, found "${plugin.name}"`);
    for (const key of ['summary', 'source'] as const) {
      demand(plugin[key]?.trim().length > 0, `${key}: expected a sentence, found nothing`);
      demand(!plugin[key].includes('\n'), `${key}: expected one line`);
    }
    for (const { name, default: value, description } of describeParameters(plugin.parameters)) {
      demand(value !== undefined, `parameter ${name}: expected a default, found none`);
      demand(description.trim() !== '', `parameter ${name}: expected a description with its unit, found none`);
    }
    for (const name of unwritableParameters(plugin.parameters)) {
      demand(
        false,
        `parameter ${name}: expected a number, a text, a boolean or a list of these, which name:key=value can give`,
      );
    }
    resolveParameters(plugin.parameters, {}, where);
  });
  recorder.attempt(bounds, {}, () => {
    for (const [name, domain] of parameterDomains(plugin.parameters)) checkBounds(plugin, name, domain, where);
  });
}

function checkBounds({ parameters }: Plugin, name: string, domain: ParameterDomain, where: string): void {
  if (domain.kind !== 'number' && domain.kind !== 'integer') return;
  const isInteger = domain.kind === 'integer';
  demand(domain.low !== null, `parameter ${name}: expected a smallest value (.min), found none`);
  demand(domain.high !== null, `parameter ${name}: expected a largest value (.max), found none`);
  for (const value of [justBelow(domain.low, isInteger), justAbove(domain.high, isInteger)]) {
    const refusal = refusalOf(() => resolveParameters(parameters, { [name]: value }, where));
    demand(refusal !== null, `parameter ${name}: expected ${value} to be refused, it was not`);
    checkRefusal(refusal, parameters, where);
    demand(
      refusal.startsWith(`${where}: ${name}: `) && refusal.includes(String(value)),
      `parameter ${name}: expected a refusal of ${value} that names both, found "${refusal}"`,
    );
  }
}

/** The message of the UsageError that `body` throws, or null where it throws nothing. */
function refusalOf(body: () => unknown): string | null {
  try {
    body();
    return null;
  } catch (thrown) {
    if (thrown instanceof UsageError) return thrown.message;
    throw thrown;
  }
}

/** @throws Violation unless the message begins with `where` and the name of a parameter */
export function checkRefusal(message: string, parameters: ParameterSchema, where: string): void {
  const names = describeParameters(parameters).map(({ name }) => name);
  demand(
    names.some((name) => message.startsWith(`${where}: ${name}: `)),
    `expected a refusal that begins with the name of a parameter ("${names[0]}: expected ..., found ..."), found "${message}"`,
  );
}
