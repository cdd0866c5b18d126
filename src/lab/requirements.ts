import { findProgram } from '../live/capture/tools.js';
import { whyNoNamespaces } from './namespaces.js';

const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nft: 'nftables',
  sysctl: 'procps',
};
const VPN_PACKAGES: Readonly<Record<string, string>> = {
  'wireguard-go': 'wireguard-go',
  wg: 'wireguard-tools',
};

/** Explains in one line what the lab lacks on this machine and how to get it; null where it lacks nothing. @param vpn whether a VPN is needed */
export function findRequirements(vpn: boolean): string | null {
  return whyLacking(PACKAGES) ?? whyNoCapture() ?? whyNotAllowed() ?? (vpn ? whyLacking(VPN_PACKAGES) : null);
}

function whyLacking(needed: Readonly<Record<string, string>>): string | null {
  const lacking = Object.entries(needed).filter(([program]) => !isThere(program));
  if (lacking.length === 0) return null;
  const [programs, packages] = [lacking.map(([name]) => name), lacking.map(([, name]) => name)];
  return `expected ${programs.join(', ')}, found none; sudo apt-get install ${packages.join(' ')}`;
}

function whyNoCapture(): string | null {
  if (['dumpcap', 'tcpdump'].some(isThere)) return null;
  return 'expected dumpcap or tcpdump, found neither; sudo apt-get install tcpdump';
}

function whyNotAllowed(): string | null {
  const obstacle = whyNoNamespaces();
  return obstacle === null ? null : `${obstacle}; network namespaces need root (CAP_SYS_ADMIN, CAP_NET_ADMIN)`;
}

const isThere = (program: string): boolean => findProgram(program) !== null;
