import { findProgram } from '../capture/tools.js';
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

/** What this machine lacks to run the lab, in one line with what to do about it; null where nothing. */
export function findRequirements(vpn = false): string | null {
  const needed = vpn ? VPN_PACKAGES : PACKAGES;
  const lacking = Object.entries(needed).filter(([program]) => !isThere(program));
  if (lacking.length > 0) {
    const [programs, packages] = [lacking.map(([name]) => name), lacking.map(([, name]) => name)];
    return `expected ${programs.join(', ')}, found none; sudo apt-get install ${packages.join(' ')}`;
  }
  const capture = ['dumpcap', 'tcpdump'].some(isThere);
  if (!capture) return 'expected dumpcap or tcpdump, found neither; sudo apt-get install tcpdump';
  const obstacle = vpn ? null : whyNoNamespaces();
  return obstacle === null ? null : `${obstacle}; network namespaces need root (CAP_SYS_ADMIN, CAP_NET_ADMIN)`;
}

const isThere = (program: string): boolean => findProgram(program) !== null;
