import type { OpenWorldScores } from '../harness/observer/open-world.js';
import type { PresenceScores } from '../harness/observer/presence.js';
import type { Mix } from '../learning/build-windows.js';
import type { Interval } from '../learning/interval.js';
import type { Identification } from '../learning/scores.js';
import type { Cost } from '../shaping/cost.js';

export type { Cost, Identification, Interval, Mix, OpenWorldScores, PresenceScores };

/** The result of a run: one JSON file, the single source of every report. Undefined quantities are null, never 0. */
export interface Result {
  readonly schemaVersion: 1;
  readonly tool: { readonly name: 'homeveil'; readonly version: string; readonly commit: string | null };
  readonly environment: {
    readonly node: string;
    readonly cpu: string;
    readonly cores: number;
    readonly os: string;
  };
  /** The run as asked for, with all defaults written out. */
  readonly spec: ResolvedSpec;
  readonly dataset: DatasetSummary;
  readonly cells: readonly Cell[];
  /** One for each defense and seed. Results older than this key lack it. */
  readonly metrics?: readonly Metrics[];
  readonly summary: readonly SummaryRow[];
  /** Where the spec asks for them: models trained on one defense, tested on another. */
  readonly transfer?: readonly TransferCell[];
  /** What could not be run; left out where all could. */
  readonly failures?: readonly Failure[];
  readonly warnings: readonly string[];
}

/**
 * An adversary who expects one defense and meets another. Trained on undefended traffic and on the very defense it is tested on are the
 * static and the adaptive adversary, whose cells are in `cells`.
 */
export interface TransferCell {
  readonly attack: string;
  readonly trainedOn: string;
  readonly testedOn: string;
  readonly seed: number;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
  readonly macroF1: number;
}

/** A cell that could not be run, and why; the metrics of a defense and seed where `attack` and `adversary` are null. */
export interface Failure {
  readonly attack: string | null;
  readonly defense: string;
  readonly adversary: Adversary | null;
  readonly seed: number;
  readonly message: string;
}

/** The result of a study: one run for each of its settings (dataset, view, mix, window, link). */
export interface StudyResult {
  readonly schemaVersion: 1;
  readonly kind: 'study';
  readonly name: string;
  readonly tool: Result['tool'];
  readonly environment: Result['environment'];
  readonly runs: readonly Result[];
  /** Settings that could not be run; left out where there are none. */
  readonly failures?: readonly SettingFailure[];
  /** Of the study as a whole: datasets and settings that were left out. Older results lack it. */
  readonly warnings?: readonly string[];
}

/** A setting of a study that could not be run at all: its data cannot be read or is too little, or each of its cells failed. */
export interface SettingFailure {
  readonly setting: string;
  readonly message: string;
}

export type Adversary = 'static' | 'adaptive';

/** A plug-in with its parameters, as resolved. `label` is how it is written on the command line: `pad:rule=mtu`. */
export interface ResolvedPlugin {
  readonly name: string;
  readonly label: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** A defense: one plug-in, or several applied in order (`pad+jitter`). */
export interface ResolvedDefense {
  readonly label: string;
  readonly parts: readonly ResolvedPlugin[];
}

/** A file that attacks and defenses came from. */
export interface PluginFile {
  /** As it was given: a path, or the name of a package. */
  readonly path: string;
  /** Of the file itself; what it imports is not in it. */
  readonly sha256: string;
}

export interface ResolvedSpec {
  /** Those that were loaded, in their order. */
  readonly plugins: readonly PluginFile[];
  readonly data:
    | {
        readonly kind: 'synthetic';
        readonly hours: number;
        readonly seed: number;
        /** The file that devices were generated from; absent for the invented ones. */
        readonly profiles?: string;
      }
    | {
        readonly kind: 'captures';
        readonly paths: readonly string[];
        readonly labels: string;
        /** Given train and test paths, else null. */
        readonly train: readonly string[] | null;
        readonly test: readonly string[] | null;
        /** Absent where packets that the captures hold twice are left out but for the first. */
        readonly duplicates?: 'keep';
      };
  readonly split: { readonly by: 'time' | 'file' | 'paths'; readonly train: number | null };
  readonly view: ResolvedPlugin;
  readonly mix: Mix;
  readonly attacks: readonly ResolvedPlugin[];
  readonly defenses: readonly ResolvedDefense[];
  readonly adversaries: readonly Adversary[];
  /** Whether models trained on one defense are tested on each other, too; left out for no. */
  readonly transfer?: boolean;
  /**
   * Devices held out from training, in an open world: their names, or how many each seed holds out in turn. Left out for a closed
   * world, in which all devices are known.
   */
  readonly unknown?: number | readonly string[];
  /** Number of seeds, and the first of them. */
  readonly seeds: number;
  readonly seed: number;
  readonly window: number;
  readonly stride: number;
  /** 'service': the remote port in both directions. 'destination': the literal destination port, as in the paper. */
  readonly port: 'service' | 'destination';
  /** Devices with fewer packets in the training or the test part are left out, with a warning. */
  readonly minimumPackets: number;
  /** Packets an attack trains on at most (evenly spaced windows of the training part); null for all. */
  readonly maximumTrainPackets: number | null;
  /** bit/s of the link behind the shaper; null for no limit. */
  readonly capacity: number | null;
  /** Left out for simulated traffic. Speed: seconds of the home's clock in one of the world's; null for as fast as all its defenses allow. */
  readonly live?: { readonly speed: number | null };
}

export interface DatasetSummary {
  readonly name: string;
  /** Over the columns of the trace, ground truth included: the same packets and labels give the same hash. */
  readonly sha256: string;
  readonly synthetic: boolean;
  readonly packets: number;
  readonly devices: readonly {
    readonly name: string;
    readonly category: 'iot' | 'non-iot';
    /** Packets in the view, and in the training and the test part. */
    readonly packets: number;
    readonly train: number;
    readonly test: number;
  }[];
  /** Seconds since the Unix epoch; null where there is no packet. */
  readonly from: number | null;
  readonly to: number | null;
  readonly ingest: { readonly read: number; readonly kept: number; readonly dropped: Readonly<Record<string, number>> };
}

/** How live traffic was made. Times are in seconds of the home's clock, unless it is said otherwise. */
export interface LiveFigures {
  /** Seconds of the home's clock in one of the world's. */
  readonly speed: number;
  /** Of the world, for all of the traffic. */
  readonly seconds: number;
  readonly connections: { readonly opened: number; readonly failed: number };
  readonly messages: number;
  /** By which messages were sent later than they could have been: the worse of the devices' and the servers' percentiles. */
  readonly late: Spread;
  /** Packets that the captures lost. */
  readonly lost: number;
  /** Packets of nobody in the home, left out. */
  readonly strangers: number;
  /** Of the live tunnel, the worse of both ends: by which frames left late, and plans that had to be moved; null without one. */
  readonly tunnel: { readonly late: Spread; readonly stalls: number } | null;
  /** What went wrong, and how often; one line each. */
  readonly problems: readonly string[];
}

/** Of a set of times, in seconds; null of none. */
export interface Spread {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** One attack against one defense, by one adversary, with one seed. */
export interface Cell {
  readonly attack: string;
  /** As on the command line, e.g. `pad:rule=mtu`. */
  readonly defense: string;
  /** Of each part of the defense. */
  readonly params: readonly Readonly<Record<string, unknown>>[];
  readonly view: string;
  readonly mix: Mix;
  readonly adversary: Adversary;
  readonly seed: number;
  /** In an open world 'unknown' is one of the answers, after the known devices: see OpenWorldScores. */
  readonly identification: Identification & {
    /** 95 % interval of the accuracy over blocks of the test time; null where there is too little of it. */
    readonly accuracyLow: number | null;
    readonly accuracyHigh: number | null;
  };
  /** Of the known devices, in an open world. Results older than this key lack it. */
  readonly presence?: PresenceScores;
  /** In an open world only. */
  readonly openWorld?: OpenWorldScores;
  readonly cost: Cost;
  /** How the traffic was made, where it was live. */
  readonly live?: LiveFigures;
  /** What the attack says of its own training (out-of-bag score, feature importance); null where it says nothing. */
  readonly insight: Readonly<Record<string, number>> | null;
  readonly seconds: { readonly fit: number; readonly predict: number; readonly defend: number };
}

/** What the traffic under a defense gives away, whatever the attack: see docs/method.md. */
export interface Metrics {
  readonly defense: string;
  readonly view: string;
  readonly mix: Mix;
  readonly seed: number;
  /**
   * Share of real packets whose nearest neighbour in the training part is of another device, by what is known of a packet. Null
   * where there is no real packet. In an open world all of these are of the known devices' packets, but for the bound.
   */
  readonly nearestNeighbourError: Readonly<Record<string, number | null>>;
  /**
   * No classifier that knows one of these of a packet errs less, as far as the nearest neighbour tells: the lowest of them. In an open
   * world of all real packets, as if every packet of an unknown device were called so.
   */
  readonly bayesErrorBound: number | null;
  /** 1 less that: the accuracy that none exceeds. */
  readonly accuracyBound: number | null;
  /** Bits to tell whose a real packet is, without having seen it. */
  readonly deviceEntropy: number;
  /** How many of these bits each feature of the packet gives, by itself. */
  readonly mutualInformation: Readonly<Record<string, number>>;
  /** Area under the ROC curve of a forest that is to tell cover from real packets; null where there is no cover. */
  readonly coverAuc: number | null;
}

/** One row per defense. Accuracy, chance and majority are as in the identification of a cell, in an open world too. */
export interface SummaryRow {
  readonly defense: string;
  readonly params: readonly Readonly<Record<string, unknown>>[];
  /** The attack with the highest mean accuracy, of the stronger adversary in the run. */
  readonly bestAttack: string;
  readonly adversary: Adversary;
  /** Of that attack. */
  readonly accuracy: Interval;
  /** Best attack of each adversary; null where that adversary was not asked for. */
  readonly static: Interval | null;
  readonly adaptive: Interval | null;
  /** Accuracy of the best attack without defense less `accuracy`; null where the run has no `none`. */
  readonly drop: number | null;
  /** 95 % interval of the drop, block by block and seed by seed; null as the drop, or for too few packets. Older results lack it. */
  readonly dropLow?: number | null;
  readonly dropHigh?: number | null;
  readonly chance: number;
  readonly majority: number;
  readonly bandwidthOverhead: number | null;
  readonly addedDelayP95: number | null;
  /** No other defense of the run has both lower accuracy and lower cost (bandwidth and delay). */
  readonly pareto: boolean;
}
