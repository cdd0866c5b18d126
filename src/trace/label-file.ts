import { extname } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { InputError, suggestion } from '../shared/errors.js';
import { readText } from '../shared/files.js';
import { normaliseIp, normaliseMac } from './scope.js';
import type { DeviceCategory } from './trace.js';

/** One address of a device. */
export interface Label {
  /** MAC or IP address, in the text form of the packet table. */
  readonly address: string;
  readonly kind: 'mac' | 'ip';
  readonly device: string;
  readonly category: DeviceCategory;
}

/** How packets get their device: by address; or all of a file or of a folder are about one device; or each host is one. */
export type Labelling =
  | { readonly by: 'host' }
  | { readonly by: 'address'; readonly labels: readonly Label[] }
  | { readonly by: 'file' }
  | { readonly by: 'folder' };

/** The columns of a label file; `address` takes either kind. */
const COLUMNS = ['mac', 'ip', 'address', 'device', 'category'] as const;
type Column = (typeof COLUMNS)[number];

/** One row of a label file, before it is checked. */
interface Row {
  /** `file:line`. */
  readonly where: string;
  readonly values: Readonly<Partial<Record<Column, string>>>;
}

/**
 * `file` and `folder` are words; anything else is the path of a CSV file with a header (mac, ip or address; device;
 * category, by default iot), or of a YAML file: a list of such rows, or a map from device to address, addresses or row.
 * @throws InputError with file and line for anything that does not fit
 */
export function readLabelling(given: string): Labelling {
  if (given === 'file' || given === 'folder') return { by: given };
  const text = readText(given, '; expected a file of labels, or the word file or folder');
  const extension = extname(given).toLowerCase();
  const rows = ['.yaml', '.yml', '.json'].includes(extension) ? readYaml(text, given) : readCsv(text, given);
  return { by: 'address', labels: checkRows(rows, given) };
}

/** Labels as a CSV file that {@link readLabelling} reads. */
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
    const device = values.device ?? '';
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

function readColumn(name: string, where: string): Column {
  const plain = name.trim().toLowerCase();
  const column = COLUMNS.find((candidate) => candidate === plain);
  if (column) return column;
  throw new InputError(
    `${where}: unknown column "${name.trim()}"${suggestion(plain, COLUMNS)}; expected some of ${COLUMNS.join(', ')}`,
  );
}

/** Comma, semicolon or tab, whichever the header has; RFC 4180 quotes; empty lines and lines that begin with # are left out. */
function readCsv(text: string, file: string): Row[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  const rows: Row[] = [];
  let header: Column[] | undefined;
  let separator = ',';
  lines.forEach((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const where = `${file}:${index + 1}`;
    if (!header) {
      separator = [',', ';', '\t'].find((candidate) => line.includes(candidate)) ?? ',';
      const names = splitLine(line, separator, where);
      if (names.some((name) => normaliseMac(name) !== null || normaliseIp(name) !== null)) {
        throw new InputError(`${where}: expected a header such as mac,device,category, found "${line.trim()}"`);
      }
      header = names.map((name) => readColumn(name, where));
      checkHeader(header, where);
      return;
    }
    const fields = splitLine(line, separator, where);
    if (fields.length > header.length) {
      throw new InputError(`${where}: expected ${header.length} fields (${header.join(', ')}), found ${fields.length}`);
    }
    rows.push({ where, values: Object.fromEntries(fields.map((field, i) => [header![i], field])) });
  });
  return rows;
}

function checkHeader(header: readonly Column[], where: string): void {
  const twice = header.find((column, i) => header.indexOf(column) !== i);
  if (twice) throw new InputError(`${where}: column ${twice} stands twice`);
  if (!header.includes('device'))
    throw new InputError(`${where}: expected a column device, found ${header.join(', ')}`);
  if (!header.some((column) => column === 'mac' || column === 'ip' || column === 'address')) {
    throw new InputError(`${where}: expected a column mac, ip or address, found ${header.join(', ')}`);
  }
}

function splitLine(line: string, separator: string, where: string): string[] {
  const fields: string[] = [];
  for (let at = 0; at <= line.length; at++) {
    while (line[at] === ' ') at++;
    if (line[at] !== '"') {
      const next = line.indexOf(separator, at);
      const end = next < 0 ? line.length : next;
      fields.push(line.slice(at, end).trim());
      at = end;
      continue;
    }
    let field = '';
    for (at++; ; at++) {
      if (at >= line.length) throw new InputError(`${where}: expected a closing quote, found the end of the line`);
      if (line[at] !== '"') field += line[at];
      else if (line[at + 1] === '"') field += line[++at];
      else break;
    }
    for (at++; line[at] === ' '; ) at++;
    if (at < line.length && line[at] !== separator) {
      throw new InputError(`${where}: expected "${separator}" after a closing quote, found "${line[at]}"`);
    }
    fields.push(field.trim());
  }
  return fields;
}

function readYaml(text: string, file: string): Row[] {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const where = (node: unknown) => `${file}:${counter.linePos((node as Node | null)?.range?.[0] ?? 0).line}`;
  const problem = document.errors[0];
  if (problem) {
    const reason = problem.message.split(/ at line \d+/)[0];
    throw new InputError(`${file}:${counter.linePos(problem.pos[0]).line}: expected YAML: ${reason}`);
  }

  const scalar = (node: unknown, what: string): string => {
    if (isScalar(node)) return node.value === null ? '' : String(node.source ?? node.value).trim();
    throw new InputError(`${where(node)}: expected ${what}, found a list or map`);
  };
  /** The rows of a map of columns; a list of addresses in one of them makes a row of each. */
  const readRow = (node: unknown, device?: string): Row[] => {
    if (!isMap(node)) throw new InputError(`${where(node)}: expected a map with device and mac or ip`);
    const values: Partial<Record<Column, string>> = device === undefined ? {} : { device };
    const more: Row[] = [];
    for (const { key, value } of node.items) {
      const column = readColumn(scalar(key, 'a column name'), where(key));
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
