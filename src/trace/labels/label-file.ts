import { extname } from 'node:path';
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { decodeSpreadsheetText } from '../../shared/decode.js';
import { InputError, suggestion, UsageError } from '../../shared/errors.js';
import { readBytes } from '../../shared/text.js';
import { composeYaml } from '../../shared/yaml-text.js';
import { normaliseIp, normaliseMac } from '../scope.js';
import type { DeviceCategory } from '../trace.js';
import { type Cells, isPadded, splitCells, splitPadded } from './label-cells.js';

/** Largest size of a label file in bytes: each short row becomes an object. */
const MOST_BYTES = 16e6;

/** A labelled address of a device. */
export interface Label {
  /** MAC or IP address, in the text form of the packet table. */
  readonly address: string;
  readonly kind: 'mac' | 'ip';
  readonly device: string;
  readonly category: DeviceCategory;
}

/** How packets get their device: by address, by the file or folder that is about one device, or one device per host. */
export type Labelling =
  | { readonly by: 'host' }
  | {
      readonly by: 'address';
      readonly labels: readonly Label[];
      /** Warns of another encoding and of unknown columns. */
      readonly warnings?: readonly string[];
    }
  | { readonly by: 'file' }
  | {
      readonly by: 'folder';
      /** Folders above the file, 1 (its own) by default; `top` for the first folder below `roots`. */
      readonly level?: number | 'top';
      /** The paths that captures are read from. */
      readonly roots?: readonly string[];
    };

/** The columns of a label file; `address` takes either kind. */
const COLUMNS = ['mac', 'ip', 'address', 'device', 'category'] as const;
type Column = (typeof COLUMNS)[number];

/** Headers of published tables and routers' lists, letters only. A column with the exact name comes first. */
const ALIASES: Readonly<Record<string, Column>> = {
  macaddress: 'mac',
  macaddr: 'mac',
  hwaddress: 'mac',
  hardwareaddress: 'mac',
  ethernetaddress: 'mac',
  ipaddress: 'ip',
  ipaddr: 'ip',
  ipv4: 'ip',
  ipv6: 'ip',
  ipv4address: 'ip',
  ipv6address: 'ip',
  devicename: 'device',
  devices: 'device',
  listofdevices: 'device',
  name: 'device',
};

/** A row of a label file, not yet checked. */
interface Row {
  /** `file:line`. */
  readonly where: string;
  readonly values: Readonly<Partial<Record<Column, string>>>;
}

/** Unknown columns, with the place of the first occurrence of each. */
type Unused = Map<string, string>;

export const LABEL_WORDS =
  'a CSV or YAML file of addresses and devices, or "file", "folder", "folder=2" (levels up), "folder=top"';

/**
 * The labelling that a word of --labels means: `file`; `folder`; `folder=2` for the folder above the file's own, and so on;
 * `folder=top` for the first folder below the path that was given. Null for the path of a file.
 * @throws UsageError for an invalid level
 */
export function labellingOf(given: string): Extract<Labelling, { by: 'file' | 'folder' }> | null {
  if (given === 'file' || given === 'folder') return { by: given };
  const [, level] = /^folder=(.*)$/.exec(given) ?? [];
  if (level === undefined) return null;
  if (level === 'top') return { by: 'folder', level };
  if (/^[1-9]\d?$/.test(level)) return { by: 'folder', level: Number(level) };
  throw new UsageError(
    `--labels ${given}: expected folder=N, how many folders above the file (1 is its own), or folder=top, the first below the path given`,
  );
}

/**
 * Reads a word of {@link labellingOf}, or a label file. That is a CSV file with a header (mac, ip or address; device; category, iot
 * by default), comma, semicolon or tab; a table padded with tabs or spaces, as UNSW's list of devices; lines of a MAC address and
 * a name, as Mon(IoT)r's; or a YAML file with a list of such rows, or a map from device to address, addresses or row.
 * @param roots paths that captures are read from, for folder=top
 * @throws InputError with file and line for anything that does not fit; UsageError for an invalid level
 */
export function readLabelling(given: string, roots: readonly string[] = []): Labelling {
  const word = labellingOf(given);
  if (word) return word.by === 'folder' && word.level === 'top' ? { ...word, roots } : word;
  const bytes = readBytes(given, { hint: '; expected a file of labels, or the word file or folder', most: MOST_BYTES });
  const { text, encoding, line } = decodeSpreadsheetText(bytes, given);
  const unused: Unused = new Map();
  const extension = extname(given).toLowerCase();
  const isYaml = ['.yaml', '.yml', '.json'].includes(extension);
  const rows = isYaml ? readYaml(text, given, unused) : readTable(text, given, unused);
  const warnings: string[] = [];
  if (line !== null) {
    warnings.push(`${given}:${line}: not UTF-8, read as ${encoding}: if names look wrong, save it as UTF-8`);
  }
  const unusedNames = [...unused.keys()].map((name) => `"${name}"${suggestion(name, COLUMNS)}`).join(', ');
  let labels: Label[];
  try {
    labels = checkRows(rows, given);
  } catch (error) {
    // An unknown column is the likely reason.
    if (!(error instanceof InputError) || unused.size === 0) throw error;
    throw new InputError(`${error.message}; not used: ${unusedNames}`);
  }
  const lost = rows.find(({ values }) => values.device?.includes('\ufffd'));
  if (lost) warnings.push(`${lost.where}: "${lost.values.device}" has lost letters before it was saved (U+FFFD)`);
  if (unused.size > 0) {
    const [where] = unused.values();
    warnings.push(`${where}: not used: ${unused.size === 1 ? 'column' : 'columns'} ${unusedNames}`);
  }
  return { by: 'address', labels, ...(warnings.length > 0 && { warnings }) };
}

/** Writes labels as a CSV file that {@link readLabelling} reads. */
export function formatLabels(labels: readonly Label[]): string {
  const quote = (text: string) => (/[",\r\n#]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const column = labels.every((label) => label.kind === 'mac') ? 'mac' : 'address';
  const rows = labels.map(({ address, device, category }) => `${address},${quote(device)},${category}`);
  return `${[`${column},device,category`, ...rows].join('\n')}\n`;
}

function checkRows(rows: readonly Row[], file: string): Label[] {
  const labels: Label[] = [];
  const owners = new Map<string, { device: string; where: string }>();
  const categories = new Map<string, { category: DeviceCategory; where: string }>();
  for (const { where, values } of rows) {
    const device = (values.device ?? '').normalize('NFC');
    if (device === '') throw new InputError(`${where}: expected a device name, found none`);
    const category = readCategory(values.category ?? '', where);
    const known = categories.get(device);
    if (known && known.category !== category) {
      throw new InputError(`${where}: "${device}" is ${category} here, but ${known.category} in ${known.where}`);
    }
    categories.set(device, { category, where });

    const addresses: Pick<Label, 'address' | 'kind'>[] = [];
    if (values.mac) addresses.push(readAddress(values.mac, 'mac', where));
    if (values.ip) addresses.push(readAddress(values.ip, 'ip', where));
    if (values.address) addresses.push(readAddress(values.address, 'address', where));
    if (addresses.length === 0)
      throw new InputError(`${where}: expected a MAC or IP address for "${device}", found none`);
    for (const { address, kind } of addresses) {
      const owner = owners.get(address);
      if (owner && owner.device !== device) {
        throw new InputError(
          `${where}: ${address} belongs to "${owner.device}" in ${owner.where}, here to "${device}"`,
        );
      }
      if (owner) continue;
      owners.set(address, { device, where });
      labels.push({ address, kind, device, category });
    }
  }
  if (labels.length === 0) throw new InputError(`${file}: expected at least one label, found none`);
  return labels;
}

function readAddress(text: string, column: 'mac' | 'ip' | 'address', where: string): Pick<Label, 'address' | 'kind'> {
  const mac = column === 'ip' ? null : normaliseMac(text);
  if (mac !== null) return { address: mac, kind: 'mac' };
  const ip = column === 'mac' ? null : normaliseIp(text);
  if (ip !== null) return { address: ip, kind: 'ip' };
  const expected = { mac: 'a MAC address', ip: 'an IP address', address: 'a MAC or IP address' }[column];
  throw new InputError(`${where}: expected ${expected}, found "${text}"`);
}

function readCategory(text: string, where: string): DeviceCategory {
  const plain = text.toLowerCase().replace(/[\s_-]/g, '');
  if (plain === 'iot' || plain === '') return 'iot';
  if (plain === 'noniot') return 'non-iot';
  throw new InputError(`${where}: expected category iot or non-iot, found "${text}"`);
}

/** The column that a header names, in upper or lower case. */
function columnOf(name: string): Column | undefined {
  return COLUMNS.find((candidate) => candidate === name.trim().toLowerCase());
}

function aliasOf(name: string): Column | undefined {
  return ALIASES[name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')];
}

/** Reads a table, without its empty rows. */
function readTable(text: string, file: string, unused: Unused): Row[] {
  const named = readNamedAddresses(text, file);
  if (named) return named;
  const table = isPadded(text) ? splitPadded(text) : splitCells(text, file);
  const isEmpty = ({ cells }: Cells) => cells.every((cell) => cell === '');
  const [head, ...body] = table.rows.filter((row) => !isEmpty(row));
  if (!head) return [];
  const where = `${file}:${head.line}`;
  if (head.cells.some((name) => normaliseMac(name) !== null || normaliseIp(name) !== null)) {
    throw new InputError(`${where}: expected a header such as mac,device,category, found "${head.text}"`);
  }
  const header = readHeader(head.cells, where, unused);
  let device = '';
  return body.map(({ line, cells }) => {
    const here = `${file}:${line}`;
    const more = cells.slice(head.cells.length).find((cell) => cell !== '');
    if (more !== undefined) {
      throw new InputError(
        `${here}: expected ${head.cells.length} fields (${head.cells.join(', ')}), found ${cells.length}`,
      );
    }
    const values: Partial<Record<Column, string>> = {};
    for (const [i, column] of header.entries()) if (column && cells[i] !== undefined) values[column] = cells[i];
    // In a padded table a name also holds for the rows below it.
    if (table.isPadded && !values.device && device !== '') values.device = device;
    device = values.device ?? '';
    return { where: here, values };
  });
}

/** Reads Mon(IoT)r's lists of devices: lines of an address, white space and a name. Null for any other file. */
function readNamedAddresses(text: string, file: string): Row[] | null {
  const rows: Row[] = [];
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, address, device] = /^\s*(\S+)\s+(\S.*?)\s*$/.exec(line) ?? [];
    const isAddress = address !== undefined && (normaliseMac(address) !== null || normaliseIp(address) !== null);
    // The first line decides the format; a later line that differs is a mistake.
    if (!isAddress && rows.length === 0) return null;
    if (!isAddress || device === undefined) {
      throw new InputError(
        `${file}:${index + 1}: expected an address and a name, as in the lines above, found "${line.trim()}"`,
      );
    }
    rows.push({ where: `${file}:${index + 1}`, values: { address, device } });
  }
  return rows.length > 0 ? rows : null;
}

function readHeader(names: readonly string[], where: string, unused: Unused): (Column | undefined)[] {
  const header = names.map(columnOf);
  const twice = header.find((column, i) => column !== undefined && header.indexOf(column) !== i);
  if (twice) throw new InputError(`${where}: column ${twice} stands twice`);
  for (const [i, name] of names.entries()) {
    const alias = aliasOf(name);
    if (header[i] === undefined && alias !== undefined && !header.includes(alias)) header[i] = alias;
    if (header[i] === undefined && name !== '' && !unused.has(name)) unused.set(name, where);
  }
  const missing = (what: string, known: readonly string[]) => {
    const found = names.map((name) => `${name}${columnOf(name) === undefined ? suggestion(name, known) : ''}`);
    return new InputError(`${where}: expected a column ${what}, found ${found.join(', ')}`);
  };
  if (!header.includes('device')) throw missing('device', ['device']);
  if (!header.some((column) => column === 'mac' || column === 'ip' || column === 'address')) {
    throw missing('mac, ip or address', ['mac', 'ip', 'address']);
  }
  return header;
}

function readYaml(text: string, file: string, unused: Unused): Row[] {
  const lineOf = (offset: number) => text.slice(0, offset).split('\n').length;
  const fail = (offset: number, message: string) =>
    new InputError(`${file}:${lineOf(offset)}: expected YAML: ${message}`);
  const document = composeYaml(text, fail, true);
  const where = (node: unknown) => `${file}:${lineOf((node as Node | null)?.range?.[0] ?? 0)}`;

  const scalar = (node: unknown, what: string): string => {
    if (isScalar(node)) return node.value === null ? '' : String(node.source ?? node.value).trim();
    throw new InputError(`${where(node)}: expected ${what}, found a list or map`);
  };
  /** The rows of a map of columns. Each address of a list makes a row. */
  const readRow = (node: unknown, device?: string): Row[] => {
    if (!isMap(node)) throw new InputError(`${where(node)}: expected a map with device and mac or ip`);
    const values: Partial<Record<Column, string>> = device === undefined ? {} : { device };
    const more: Row[] = [];
    for (const { key, value } of node.items) {
      const name = scalar(key, 'a column name');
      const column = columnOf(name) ?? aliasOf(name);
      if (column === undefined) {
        if (!unused.has(name)) unused.set(name, where(key));
        continue;
      }
      if (isSeq(value)) {
        for (const item of value.items)
          more.push({ where: where(item), values: { [column]: scalar(item, 'an address') } });
      } else values[column] = scalar(value, column);
    }
    const hasAddress = values.mac || values.ip || values.address;
    const rest = more.map((row) => ({
      where: row.where,
      values: { ...row.values, device: values.device, category: values.category },
    }));
    return hasAddress || rest.length === 0 ? [{ where: where(node), values }, ...rest] : rest;
  };

  const { contents } = document;
  if (isSeq(contents)) return contents.items.flatMap((item) => readRow(item));
  if (!isMap(contents)) throw new InputError(`${where(contents)}: expected a list or a map of labels`);
  return contents.items.flatMap(({ key, value }): Row[] => {
    const name = scalar(key, 'a device or an address');
    if (normaliseMac(name) !== null || normaliseIp(name) !== null) {
      if (isMap(value)) return readRow(value).map((row) => ({ ...row, values: { ...row.values, address: name } }));
      return [{ where: where(key), values: { address: name, device: scalar(value, 'a device') } }];
    }
    if (isMap(value)) return readRow(value, name);
    const addresses = isSeq(value) ? value.items : [value];
    return addresses.map((node) => ({
      where: where(node ?? key),
      values: { device: name, address: scalar(node, 'an address') },
    }));
  });
}
