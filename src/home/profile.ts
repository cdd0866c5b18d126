import type { DeviceCategory } from '../trace/trace.js';
import type { Act } from './household.js';
import type { GROUPS, ServiceName } from './services.js';

/**
 * The language that device profiles are written in: plain data, run by behaviours.ts. Sizes are of application data, in
 * bytes, before TLS records and headers; a pair is a range, drawn from uniformly; times are in seconds. All figures in
 * the profiles are our choice, made to look like the devices' kind: they are measured on no real device.
 */
export type Range = number | readonly [low: number, high: number];

/** One message of an exchange, from the device or to it. */
type Message = { readonly up: Range } | { readonly down: Range };

/** Messages that follow each other, each when the one before has arrived. */
export type Exchange = readonly Message[];

/** Fires every `every` seconds on the device's clock; each time off by a normal deviate of `jitter` (standard deviation). */
export interface Period {
  readonly every: number;
  readonly jitter: number;
}

/** A connection kept open for heartbeats and commands; lost now and then, and made anew. */
export interface Session {
  readonly kind: 'session';
  readonly service: ServiceName;
  readonly heartbeat: Period & { readonly exchange: Exchange };
  /** Mean time between losses of the connection. */
  readonly lifetime: number;
  /** What goes over it when a person acts. */
  readonly on?: Readonly<Partial<Record<Act, Exchange>>>;
}

/** A connection made for each exchange: from time to time, or when a person acts. */
export interface Request {
  readonly kind: 'request';
  readonly service: ServiceName;
  readonly when: Period | Act;
  readonly exchange: Exchange;
}

/** Media, in chunks (or video frames) at a steady pace over a connection of its own. */
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
  /** Datagrams the other way after every `each`-th chunk: reports, keep-alives, speech. */
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

/** A person with a screen: sittings of page loads with time to read in between. */
export interface Browsing {
  readonly kind: 'browsing';
  /** Sittings an hour when the person is up and at home. */
  readonly perHour: number;
  readonly pages: Range;
  /** Mean time on a page. */
  readonly reading: number;
  /** Sites the person goes to, the first most often (Zipf). */
  readonly sites: number;
  /** Hosts a page is made of, objects on each, and bytes of an object (median of a log-normal distribution). */
  readonly hosts: Range;
  readonly objects: Range;
  readonly objectBytes: number;
}

export type Behaviour = Session | Request | Stream | Announcement | Browsing;

export interface DeviceProfile {
  readonly name: string;
  readonly category: DeviceCategory;
  /** Whom it asks for names. */
  readonly resolver: 'isp dns' | 'google dns';
  /** Its TCP sends timestamps (12 bytes in every segment), as Linux, Android and iOS do and small stacks do not. */
  readonly timestamps: boolean;
  /** Size of its TLS client hello. */
  readonly hello: Range;
  readonly traffic: readonly Behaviour[];
}
