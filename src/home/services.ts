/** The protocol of a service: it determines protocol bits and handshakes. */
export type Carriage = 'tls' | 'tcp' | 'http' | 'udp';

/** A server of the synthetic Internet. Names and figures are our choice; the length of a name shows in DNS. */
export interface Service {
  readonly host: string;
  readonly port: number;
  readonly via: Carriage;
  /** The first two bytes of its addresses, globally routable, so that a capture of it reads as Internet traffic. */
  readonly network: string;
  /** Number of addresses behind the name; 1 by default. */
  readonly servers?: number;
  /** Round-trip time in seconds. */
  readonly rtt: number;
}

/** Several devices share services on purpose: no address or port alone must identify a device. */
export const SERVICES = {
  'isp dns': { host: 'resolver', port: 53, via: 'udp', network: '62.179', servers: 2, rtt: 0.009 },
  'google dns': { host: 'dns.google', port: 53, via: 'udp', network: '8.34', servers: 2, rtt: 0.014 },
  ntp: { host: '2.android.pool.ntp.org', port: 123, via: 'udp', network: '162.159', servers: 8, rtt: 0.03 },

  'amazon voice': {
    host: 'avs-alexa-16-na.amazon.com',
    port: 443,
    via: 'tls',
    network: '52.94',
    servers: 3,
    rtt: 0.09,
  },
  'amazon metrics': { host: 'device-metrics-us.amazon.com', port: 443, via: 'tls', network: '52.119', rtt: 0.09 },
  'amazon music': {
    host: 'd1s31zyz7dcc2d.cloudfront.net',
    port: 443,
    via: 'tls',
    network: '54.230',
    servers: 4,
    rtt: 0.012,
  },
  'amazon check': { host: 'spectrum.s3.amazonaws.com', port: 80, via: 'http', network: '52.217', rtt: 0.09 },

  google: { host: 'clients4.google.com', port: 443, via: 'tls', network: '142.250', servers: 4, rtt: 0.015 },
  'google talk': { host: 'mtalk.google.com', port: 5228, via: 'tls', network: '142.251', servers: 3, rtt: 0.02 },
  'google check': { host: 'connectivitycheck.gstatic.com', port: 80, via: 'http', network: '142.250', rtt: 0.015 },
  'google video': {
    host: 'r4---sn-4g5e6nzz.googlevideo.com',
    port: 443,
    via: 'udp',
    network: '173.194',
    servers: 6,
    rtt: 0.011,
  },

  alibaba: { host: 'gw.alicdn.tanx.com', port: 443, via: 'tls', network: '47.246', servers: 4, rtt: 0.05 },
  'alibaba broker': {
    host: 'public.iot-as-mqtt.aliyuncs.com',
    port: 1883,
    via: 'tcp',
    network: '47.88',
    servers: 2,
    rtt: 0.11,
  },
  'alibaba voice': { host: 'asr.aligenie.com', port: 443, via: 'tls', network: '47.89', rtt: 0.11 },

  'xiaomi link': { host: 'de.ot.io.mi.com', port: 8053, via: 'udp', network: '161.117', servers: 2, rtt: 0.035 },
  'xiaomi broker': { host: 'de.ots.io.mi.com', port: 443, via: 'tls', network: '161.117', servers: 2, rtt: 0.035 },
  'xiaomi files': {
    host: 'cdn.cnbj0.fds.api.mi-img.com',
    port: 80,
    via: 'http',
    network: '163.171',
    servers: 4,
    rtt: 0.04,
  },

  'qihoo link': { host: 'relay.jia.360.cn', port: 443, via: 'tcp', network: '104.192', rtt: 0.16 },
  'qihoo relay': { host: 'up4.jia.360.cn', port: 8016, via: 'udp', network: '104.192', servers: 3, rtt: 0.16 },
  'xiaobai link': { host: 'xbfiles.xiaoyi.com', port: 443, via: 'tls', network: '47.74', rtt: 0.05 },
  'xiaobai relay': { host: 'p2p-eu.xiaoyi.com', port: 32100, via: 'udp', network: '47.91', servers: 3, rtt: 0.05 },
  'camera store': {
    host: 'clips.oss-eu-central-1.aliyuncs.com',
    port: 443,
    via: 'tls',
    network: '47.254',
    servers: 4,
    rtt: 0.03,
  },

  'tplink cloud': { host: 'devs.tplinkcloud.com', port: 50443, via: 'tls', network: '52.209', servers: 2, rtt: 0.04 },
  'orvibo cloud': { host: 'homemate.orvibo.com', port: 10002, via: 'tls', network: '47.90', rtt: 0.12 },
  'broadlink cloud': {
    host: 'device.broadlink.com.cn',
    port: 16384,
    via: 'udp',
    network: '47.91',
    servers: 2,
    rtt: 0.13,
  },

  'apple push': { host: '1-courier.push.apple.com', port: 5223, via: 'tls', network: '17.57', servers: 4, rtt: 0.02 },
  apple: { host: 'gateway.icloud.com', port: 443, via: 'tls', network: '17.248', servers: 4, rtt: 0.02 },
  messenger: { host: 'mmx-ds.cdn.whatsapp.net', port: 443, via: 'tls', network: '157.240', servers: 3, rtt: 0.018 },
} as const satisfies Record<string, Service>;

export type ServiceName = keyof typeof SERVICES;

/** Multicast groups of SSDP and mDNS, on the LAN only. */
export const GROUPS = {
  mdns: { address: '224.0.0.251', port: 5353 },
  ssdp: { address: '239.255.255.250', port: 1900 },
} as const;

/** Address of a service's server number `server`: fixed by the host's name, inside its network. */
export function serverAddress(service: Service, server: number): string {
  const hash = fnv1a(`${service.host} ${server}`);
  return `${service.network}.${(hash >>> 8) & 0xff}.${1 + (hash % 254)}`;
}

/** A web server for the pages that phones load: `host` number `index` of site `site`. */
export function webService(site: number, index: number): Service {
  const hash = fnv1a(`site ${site} ${index}`);
  // Many sites share third parties (analytics, fonts, advertising): half of a page's hosts are from a common pool.
  const shared = index > 0 && hash % 2 === 0;
  const key = shared ? `cdn ${hash % 23}` : `www ${site} ${index}`;
  const digest = fnv1a(key);
  const networks = ['104.16', '151.101', '185.60', '23.45', '34.98', '99.84'];
  return {
    host: 'x'.repeat(9 + (digest % 23)),
    port: 443,
    // About a fifth of web servers are reached over QUIC.
    via: digest % 5 === 0 ? 'udp' : 'tls',
    network: networks[digest % networks.length]!,
    servers: 1,
    rtt: 0.008 + ((digest >>> 8) % 90) / 1000,
  };
}

/** 32-bit FNV-1a of the UTF-16 code units of `text`. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // FNV's low bits are weak for short keys that differ at the end; one xorshift-multiply mixes them.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
