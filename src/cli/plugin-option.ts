import type { Argv } from 'yargs';

/** Option of every command that looks attacks or defenses up by name; what it loads is added to what is built in. */
export interface PluginOption {
  plugin?: string[];
}

export function addPluginOption<T>(yargs: Argv<T>) {
  return yargs.option('plugin', {
    type: 'string',
    array: true,
    // Or it would take the captures or files that may follow it.
    nargs: 1,
    describe: 'A defense or an attack of your own: a TypeScript or JavaScript file, or a package',
  });
}
