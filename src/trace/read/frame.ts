/**
 * One captured frame on its way through the layers. There is one such object for a whole run, filled anew for each
 * packet, so that nothing is allocated per packet. Offsets count from the start of `view`.
 */
export interface Frame {
  /** The reader's buffer; only [at, end) of it is this frame. */
  view: DataView;
  at: number;
  /** End of what was captured. */
  end: number;
  /** End of the frame as it was on the wire; beyond `end` where the capture cut it. */
  wireEnd: number;
  /** Bytes between `at` and `wireEnd` that are not counted: VLAN tags, metadata in front, a frame check sequence. */
  uncounted: number;

  /** Tells packets of different interfaces and VLANs apart, where the link header does; 0 where it says nothing of that. */
  place: number;

  /** MAC addresses, upper 16 and lower 32 bits; `hasSource` and `hasDestination` say whether the link told them: zeros are none. */
  hasSource: boolean;
  sourceHigh: number;
  sourceLow: number;
  hasDestination: boolean;
  destinationHigh: number;
  destinationLow: number;

  /** The protocol that the link layer carries: {@link NETWORK}. */
  network: number;
  /** Offset of the network header, and below the number of counted bytes before it. */
  networkAt: number;
  header: number;

  /** End on the wire of the network layer, before any padding; `wireEnd` for frames without IP. May be beyond `end`. */
  networkEnd: number;

  /** Offset of the transport header; `networkAt` if there is none, or if the network header cannot be read. */
  transportAt: number;

  /** 4, 6, or 0 for frames without IP. An IPv4 address is in the first word. */
  family: number;
  source0: number;
  source1: number;
  source2: number;
  source3: number;
  destination0: number;
  destination1: number;
  destination2: number;
  destination3: number;
  /** IP protocol number; 0 for frames without IP. */
  transport: number;
  sourcePort: number;
  destinationPort: number;
  /** {@link FRAGMENT}. */
  fragment: number;
  fragmentId: number;
  /** Offsets of the payload of TCP or UDP: [payloadAt, payloadEnd) on the wire, the latter possibly beyond `end`. */
  payloadAt: number;
  payloadEnd: number;

  /** For {@link NETWORK.ENCRYPTED} only: which end is the access point, of {@link ACCESS_POINT}. */
  accessPoint: number;
  /** Its sequence control in the lower 16 bits, above them which sequence of its sender's that is a number of. */
  sequence: number;
  /** Whether its sender says that it was sent before. */
  isRetry: boolean;
}

/** Values of `network`. ENCRYPTED is an 802.11 frame whose body cannot be read. */
export const NETWORK = { OTHER: 0, ENCRYPTED: 1, IPV4: 4, IPV6: 6 } as const;

/** Values of `accessPoint`. */
export const ACCESS_POINT = { NONE: 0, SOURCE: 1, DESTINATION: 2 } as const;

/** Values of `fragment`. Only a first fragment has ports; the others must find it. */
export const FRAGMENT = { NONE: 0, FIRST: 1, LATER: 2 } as const;

/** IP protocol numbers that have ports here. */
export const TCP = 6;
export const UDP = 17;

/** Result of dissecting a layer: the reason to leave the packet out, or `KEPT`. */
export type DropReason = string;
export const KEPT: DropReason = '';

export function createFrame(): Frame {
  return {
    view: new DataView(new ArrayBuffer(0)),
    at: 0,
    end: 0,
    wireEnd: 0,
    uncounted: 0,
    place: 0,
    hasSource: false,
    sourceHigh: 0,
    sourceLow: 0,
    hasDestination: false,
    destinationHigh: 0,
    destinationLow: 0,
    network: 0,
    networkAt: 0,
    header: 0,
    networkEnd: 0,
    transportAt: 0,
    family: 0,
    source0: 0,
    source1: 0,
    source2: 0,
    source3: 0,
    destination0: 0,
    destination1: 0,
    destination2: 0,
    destination3: 0,
    transport: 0,
    sourcePort: 0,
    destinationPort: 0,
    fragment: 0,
    fragmentId: 0,
    payloadAt: 0,
    payloadEnd: 0,
    accessPoint: 0,
    sequence: 0,
    isRetry: false,
  };
}
