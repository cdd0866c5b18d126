import type { DeviceCategory } from '../trace/trace.js';
import type { Act } from './household.js';
import type { GROUPS, ServiceName } from './services.js';

/**
 * Types of device profiles: plain data, run by behaviours.ts. Sizes are bytes of application data, before TLS records and headers; a
 * pair is a range for a uniform draw; times are in seconds. All figures in the profiles are our choice, meant to resemble each kind of
 * device; none is measured on a real one.
 */
export type Range = number | readonly [low: number, high: number];

/** One message of an exchange, from the device or to it. */
type Message = { readonly up: Range } | { readonly down: Range };

/** Messages in a row, each sent when the previous one has arrived. */
export type Exchange = readonly Message[];

/** Fires every `every` seconds on the device's clock, with a normal error of standard deviation `jitter` each time. */
export interface Period {
  readonly every: number;
  readonly jitter: number;
}

/** A connection kept open for heartbeats and commands; it is lost now and then, and opened again. */
export interface Session {
  readonly kind: 'session';
  readonly service: ServiceName;
  readonly heartbeat: Period & { readonly exchange: Exchange };
  /** Mean time between losses of the connection. */
  readonly lifetime: number;
  /** Exchanges when a person acts. */
  readonly on?: Readonly<Partial<Record<Act, Exchange>>>;
}

/** A connection for each exchange: periodic, or when a person acts. */
export interface Request {
  readonly kind: 'request';
  readonly service: ServiceName;
  readonly when: Period | Act;
  readonly exchange: Exchange;
}

/** Media in chunks, or video frames, at a steady pace over a separate connection. */
export interface Stream {
  readonly kind: 'stream';
  readonly service: ServiceName;
  readonly when: Act;
  readonly direction: 'up' | 'down';
  readonly seconds: Range;
  /** Time from chunk to chunk. */
  readonly every: number;
  readonly bytes: Range;
  /** Every `each`-th chunk is a key frame. */
  readonly keyframe?: { readonly each: number; readonly bytes: Range };
  /** Datagrams in the other direction after every `each`-th chunk: reports, keep-alives, speech. */
  readonly feedback?: { readonly each: number; readonly bytes: Range };
}

/** Multicast on the LAN, which no observer outside sees. */
export interface Announcement {
  readonly kind: 'announcement';
  readonly group: keyof typeof GROUPS;
  readonly when: Period;
  readonly bytes: Range;
  /** Datagrams in a row. */
  readonly count: number;
}

/** A person with a screen: sittings of page loads, with reading time between them. */
export interface Browsing {
  readonly kind: 'browsing';
  /** Sittings an hour when the person is up and at home. */
  readonly perHour: number;
  readonly pages: Range;
  /** Mean time on a page. */
  readonly reading: number;
  /** Number of sites that the person visits, by Zipf's law. */
  readonly sites: number;
  /** Hosts of a page, objects on each, and median bytes of an object (log-normal). */
  readonly hosts: Range;
  readonly objects: Range;
  readonly objectBytes: number;
}

export type Behaviour = Session | Request | Stream | Announcement | Browsing;

export interface DeviceProfile {
  readonly name: string;
  readonly category: DeviceCategory;
  /** The name server it uses. */
  readonly resolver: 'isp dns' | 'google dns';
  /** True if its TCP sends timestamps (12 bytes in every segment), as on Linux, Android and iOS but not in small stacks. */
  readonly timestamps: boolean;
  /** Size of its TLS client hello. */
  readonly hello: Range;
  readonly traffic: readonly Behaviour[];
}
