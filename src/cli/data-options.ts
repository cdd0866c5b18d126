import { availableParallelism } from 'node:os';
import type { Argv } from 'yargs';
import type { BenchRequest } from '../harness/spec.js';
import { MIXES } from '../learning/build-windows.js';
import { DUPLICATES } from '../trace/read/duplicates.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';

/** Options of every command that trains: which data, how it is cut and seen. Defaults are the spec's, so that they stand once. */
export interface DataOptions
  extends PluginOption,
    Omit<BenchRequest, 'data' | 'train' | 'test' | 'attacks' | 'defenses' | 'adversaries' | 'seeds' | 'unknown'> {
  data?: string[];
  train?: string[];
  test?: string[];
  threads: number;
}

/** What commands take that read captures once. */
export const CAPTURES =
  'Captures (pcap or pcapng, plain or packed with gzip, xz or zstd), folders of them, or - for standard input';

export const LABELS =
  'CSV or YAML of address, device, category; or "file"; or "folder", "folder=2" for the one above, "folder=top"';

/** Of every command that reads captures. */
export const DUPLICATES_OPTION = {
  choices: DUPLICATES,
  describe: 'Packets that captures hold twice (mirror port, tcpdump -i any)  [drop]',
} as const;

export function addDataOptions<T>(yargs: Argv<T>) {
  return addPluginOption(yargs)
    .option('data', {
      type: 'string',
      array: true,
      describe: 'Capture files or folders; without it, the synthetic home',
    })
    .option('labels', { type: 'string', describe: LABELS })
    .option('duplicates', DUPLICATES_OPTION)
    .option('train', { type: 'string', array: true, describe: 'Captures to train on, in place of --data' })
    .option('test', { type: 'string', array: true, describe: 'Captures to test on, with --train' })
    .option('split', {
      choices: ['auto', 'time', 'file'] as const,
      describe: 'How --data is cut in two; auto is file with --labels folder, else time  [auto]',
    })
    .option('train-share', { type: 'number', describe: 'Share of packets (files) to train on  [0.6]' })
    .option('hours', { type: 'number', describe: 'Length of the synthetic home  [24, quick: 6, live: 1]' })
    .option('profiles', { type: 'string', describe: 'Generate it from these device profiles (homeveil home fit)' })
    .option('view', { type: 'string', describe: 'What the observer sees: lan, napt, vpn  [napt]' })
    .option('mix', {
      choices: MIXES,
      describe: 'Packets in a window: of a single device, one flow, or the home  [home]',
    })
    .option('seed', { type: 'number', describe: 'Of all chance (with --seeds, the first one)  [1]' })
    .option('window', { type: 'number', describe: 'Packets per window  [100]' })
    .option('stride', { type: 'number', describe: 'Packets between windows to train on  [window / 4]' })
    .option('port', {
      choices: ['service', 'destination'] as const,
      describe: 'As what ports count; destination as in the paper  [service]',
    })
    .option('minimum-packets', { type: 'number', describe: 'Leave out devices with fewer on either side  [window]' })
    .option('maximum-train-packets', {
      type: 'number',
      describe: 'Train on evenly spaced windows of at most so many packets  [no limit, quick: 60000]',
    })
    .option('capacity', { type: 'number', describe: 'Mbit/s of the link behind the defense  [no limit]' })
    .option('threads', { type: 'number', default: availableParallelism(), describe: 'Worker threads' })
    .option('quick', { type: 'boolean', describe: 'Less data, for a first look' });
}
