import type { Argv } from 'yargs';

/** Option of every command that looks plug-ins up by name: it adds some to those built in. */
export interface PluginOption {
  plugin?: string[];
}

export function addPluginOption<T>(yargs: Argv<T>) {
  return yargs.option('plugin', {
    type: 'string',
    array: true,
    // Or it would take the captures or files that may follow it.
    nargs: 1,
    describe: 'A defense, attack or view of your own: a TypeScript or JavaScript file, or a package',
  });
}
