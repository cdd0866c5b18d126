import { readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { interfaceFact } from '../interface.js';
import { ENGINES, type EngineName, type EngineState, probeEngine } from './rights.js';

interface InterfaceState {
  readonly name: string;
  readonly mac: string | null;
  /** Addresses with the length of the network's prefix, such as 192.168.1.5/24. */
  readonly addresses: readonly string[];
  /** State in the kernel: up, down, unknown (as loopback is), ...; null where the system does not tell. */
  readonly state: string | null;
  /** Engine that a capture on it would use; null where none may capture. */
  readonly engine: EngineName | null;
  /** Why no engine may capture; '' where one may. */
  readonly problem: string;
}

export interface Interfaces {
  readonly interfaces: readonly InterfaceState[];
  /** State of each engine on the loopback interface. */
  readonly engines: readonly EngineState[];
}

/** Lists the interfaces of this machine and whether they can be captured on now. Opens each for a moment; takes no packet. */
export async function listInterfaces(): Promise<Interfaces> {
  const known = networkInterfaces();
  const names = interfaceNames(Object.keys(known));
  const loopback = names.find((name) => known[name]?.some(({ internal }) => internal)) ?? names[0] ?? 'lo';
  const engines = await Promise.all(ENGINES.map((engine) => probeEngine(engine, loopback)));
  const usable = engines.filter(({ state }) => state === 'ready').map(({ engine }) => engine);
  const interfaces: InterfaceState[] = [];
  for (const name of names) {
    const addresses = known[name] ?? [];
    const attempts: EngineState[] = [];
    for (const engine of usable) {
      attempts.push(await probeEngine(engine, name));
      if (attempts.at(-1)!.state === 'ready') break;
    }
    const engine = attempts.find(({ state }) => state === 'ready')?.engine ?? null;
    interfaces.push({
      name,
      mac: interfaceFact(name, 'address') ?? addresses[0]?.mac ?? null,
      addresses: addresses.map(({ address, cidr }) => cidr ?? address),
      state: interfaceFact(name, 'operstate'),
      engine,
      problem: engine === null ? (attempts[0]?.problem ?? 'no right to capture') : '',
    });
  }
  return { interfaces, engines };
}

/** Names of all interfaces on Linux; elsewhere only of those with an address. */
function interfaceNames(withAddress: readonly string[]): string[] {
  try {
    return readdirSync('/sys/class/net').sort();
  } catch {
    return [...withAddress];
  }
}
