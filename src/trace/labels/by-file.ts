import { basename, dirname, relative, resolve, sep } from 'node:path';
import { InputError } from '../../shared/errors.js';
import type { PacketTable } from '../packets.js';
import { captureName } from '../read/capture-name.js';
import type { Device } from '../trace.js';
import type { Labelling } from './label-file.js';
import { findOwnAddresses, type OwnAddresses, type SharedAddress } from './own-address.js';
import { type Ends, NOBODY, type Resolution } from './resolution.js';

type ByFile = Extract<Labelling, { by: 'file' | 'folder' }>;

/** Finds devices by file, or by a folder that the file is in. Each file is about one device. */
export function byFile(table: PacketTable, labelling: ByFile): Resolution {
  const { conversations, macs, files } = table;
  const names = files.map((file) => nameOf(file, labelling));
  const { devices, deviceOfFile } = number(names);
  const own = findOwnAddresses(table, deviceOfFile, devices.length);
  const rows = (kind: 'mac' | 'ip', most: number) =>
    own.ofDevice.map((found) => {
      const isOwn = new Set(found.filter((one) => one.kind === kind).map(({ row }) => row));
      return (row: number) => row < most && isOwn.has(row);
    });
  const isOwnMac = rows('mac', macs.length);
  const isOwnIp = rows('ip', conversations.addresses.length);
  const isOwn = (device: number, mac: number, otherMac: number, address: number) =>
    isOwnMac[device]!(mac) || ((mac === 0 || otherMac === 0) && isOwnIp[device]!(address));
  return {
    devices,
    addresses: own.ofDevice.map((found) =>
      found.map(({ address, files, of }) => ({ address, inferred: { files, of } })),
    ),
    resolve(i, ends: Ends) {
      const device = deviceOfFile[table.file[i]!]!;
      const [from, to] = [table.source[i]!, table.destination[i]!];
      const a = conversations.addressA[table.conversation[i]!]!;
      const b = conversations.addressB[table.conversation[i]!]!;
      const [sender, receiver] = table.reverse[i] === 0 ? [a, b] : [b, a];
      ends.sender = isOwn(device, from, to, sender) ? device : NOBODY;
      ends.receiver = isOwn(device, to, from, receiver) ? device : NOBODY;
    },
    warnings: [
      ...own.shared.flatMap((shared) => describeShared(shared, devices)),
      ...manyAddresses(own.ofDevice, devices),
      ...betterFolders(table, labelling, devices, own),
    ],
  };
}

/** Numbers devices by name, in the order of their files. */
function number(names: readonly string[]): { devices: Device[]; deviceOfFile: Uint16Array } {
  const known = [...new Set(names)];
  const ids = new Map(known.map((name, id) => [name, id]));
  return {
    devices: known.map((name) => ({ name, category: 'iot' })),
    deviceOfFile: Uint16Array.from(names, (name) => ids.get(name)!),
  };
}

/**
 * The name of the device that a file is about.
 * @throws InputError if the file is in no such folder
 */
function nameOf(file: string, labelling: ByFile): string {
  if (labelling.by === 'file') return captureName(file);
  const { level = 1 } = labelling;
  let name: string | undefined;
  if (level === 'top') {
    const below = (labelling.roots ?? [])
      .map((root) => relative(resolve(root), resolve(file)))
      .filter((path) => path !== '' && !path.startsWith(`..${sep}`) && path !== '..');
    // The innermost of nested roots was meant.
    const path = below.sort((a, b) => a.length - b.length)[0] ?? '';
    name = path.includes(sep) ? path.split(sep)[0] : '';
  } else {
    let folder = resolve(file);
    for (let i = 0; i < level; i++) folder = dirname(folder);
    name = basename(folder);
  }
  if (name) return name;
  const expected =
    level === 'top' ? 'a folder between the path that was given and the file' : `${level} folders above it`;
  throw new InputError(`${file}: --labels folder=${level}: expected ${expected}, found none`);
}

function describeShared({ address, kept, refused }: SharedAddress, devices: readonly Device[]): string[] {
  const namesOf = (ids: readonly number[]) => ids.map((id) => devices[id]!.name).join(', ');
  const lines: string[] = [];
  if (kept.length > 1) {
    lines.push(
      `${namesOf(kept)} have one address, ${address}, in nearly all of their packets: one host under several names, or hosts that had the same address at other times`,
    );
  }
  if (refused.length > 0) {
    const others = kept.length > 0 ? `${namesOf(kept)}'s own` : 'in most packets of each';
    lines.push(
      `${namesOf(refused)}: left out, since the address in most packets, ${address}, is ${others}: a neighbour's packets would count; label by address`,
    );
  }
  return lines;
}

/** Warns of more MAC addresses than Wi-Fi and Ethernet need: the folder is likely about several devices. */
function manyAddresses(own: OwnAddresses['ofDevice'], devices: readonly Device[]): string[] {
  return own.flatMap((found, device) => {
    const macs = found.filter(({ kind }) => kind === 'mac').length;
    if (macs <= 2) return [];
    return `${devices[device]!.name} has ${macs} MAC addresses, each in other files: are these several devices, whose folders lie deeper?`;
  });
}

/** Warns if the folders one level up fit the addresses better, as where activities lie below devices. */
function betterFolders(
  table: PacketTable,
  labelling: ByFile,
  devices: readonly Device[],
  { shared, explained }: OwnAddresses,
): string[] {
  if (labelling.by !== 'folder' || labelling.level === 'top') return [];
  const kept = shared.filter((one) => one.kept.length > 1).length;
  if (kept === 0 && explained >= 0.9) return [];
  const level = (labelling.level ?? 1) + 1;
  let names: string[];
  try {
    names = table.files.map((file) => nameOf(file, { by: 'folder', level }));
  } catch {
    return [];
  }
  const above = number(names);
  if (above.devices.length < 2) return [];
  const found = findOwnAddresses(table, above.deviceOfFile, above.devices.length);
  const isBetter =
    found.explained > explained + 0.1 ||
    (found.explained > explained - 0.02 &&
      found.shared.length < shared.length &&
      above.devices.length < devices.length);
  if (!isBetter) return [];
  const list = (of: readonly Device[]) =>
    `${of
      .slice(0, 3)
      .map(({ name }) => name)
      .join(', ')}${of.length > 3 ? ', …' : ''}`;
  return [
    `the folders above (${list(above.devices)}) fit the addresses in the captures better than ${list(devices)}: where activities lie below devices, use --labels folder=${level}`,
  ];
}
