import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createGuard, Refused } from '../../src/noise/addresses.js';

const open = createGuard({ home: () => false });

/** Whether the guard lets an address of no particular home be contacted. */
function isPublicAddress(address: string): boolean {
  try {
    open.checkAddress(address, 443);
    return true;
  } catch (error) {
    expect((error as Error).message).toBe(`private address ${address}`);
    return false;
  }
}

describe('which addresses are of the Internet', () => {
  // The borders of IANA's special-purpose registries, on both sides.
  test.each([
    ['9.255.255.255', true],
    ['10.0.0.0', false],
    ['10.255.255.255', false],
    ['11.0.0.0', true],
    ['0.0.0.0', false],
    ['100.63.255.255', true],
    ['100.64.0.0', false],
    ['100.127.255.255', false],
    ['100.128.0.0', true],
    ['127.0.0.1', false],
    ['169.254.169.254', false],
    ['172.15.255.255', true],
    ['172.16.0.0', false],
    ['172.31.255.255', false],
    ['172.32.0.0', true],
    ['192.0.0.8', false],
    ['192.168.0.1', false],
    ['198.17.255.255', true],
    ['198.18.0.1', false],
    ['203.0.113.5', false],
    ['223.255.255.255', true],
    ['224.0.0.1', false],
    ['239.255.255.250', false],
    ['255.255.255.255', false],
    ['::', false],
    ['::1', false],
    ['::ffff:8.8.8.8', true],
    ['::ffff:10.0.0.1', false],
    ['::ffff:7f00:1', false],
    ['::8.8.8.8', false],
    ['0::8.8.8.8', false],
    ['::8.8.8.8%eth0', false],
    ['64:ff9b::8.8.8.8', true],
    ['64:ff9b::192.168.1.1', false],
    ['64:ff9b:1::8.8.8.8', false],
    ['fc00::1', false],
    ['fdff::1', false],
    ['fe80::1', false],
    ['fe80::1%eth0', false],
    ['fec0::1', false],
    ['ff02::1', false],
    ['100::1', false],
    ['2001::1', false],
    ['2001:db8::1', false],
    ['2002:a00:1::', false],
    ['2a00:1450:1:2:0:5efe:a00:1', false],
    ['2a00:1450:1:2:200:5efe:192.168.1.1', false],
    ['2a00:1450:1:2:0:5efe:8.8.8.8', true],
    ['2606:4700::1', true],
    ['2a00:1450::1', true],
    ['3fff::1', false],
    ['4000::1', false],
    ['', false],
    ['example.org', false],
  ])('%s: %s', (address, isPublic) => {
    expect(isPublicAddress(address)).toBe(isPublic);
  });

  test('an IPv4 address in IPv6 is judged as itself', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => isPublicAddress(`::ffff:${address}`) === isPublicAddress(address)),
      { numRuns: 500 },
    );
  });
});

const reason = async (work: () => unknown) => {
  try {
    await work();
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(Refused);
    return (error as Refused).message;
  }
};

describe('what is asked for', () => {
  const guard = createGuard({ deny: ['tracker.example', 'ads.example.com'] });
  test.each([
    ['https://www.wikipedia.org/', null],
    ['http://en.wikipedia.org:8080/', null],
    ['https://münchen.de/', null],
    ['ftp://wikipedia.org/', 'scheme ftp:'],
    ['file:///etc/passwd', 'scheme file:'],
    ['javascript:alert(1)', 'scheme javascript:'],
    ['data:text/html,x', 'scheme data:'],
    ['https://wikipedia.org:25/', 'port 25'],
    ['https://user@wikipedia.org/', 'a URL with credentials'],
    ['https://a.ads.example.com/x', 'deny list'],
    ['https://ads.example.com./x', 'deny list'],
    ['http://8.8.8.8/', 'a bare address'],
    ['http://0x7f.1/', 'private address 127.0.0.1'],
    ['http://2130706433/', 'private address 127.0.0.1'],
    ['http://017700000001/', 'private address 127.0.0.1'],
    ['http://[::ffff:127.0.0.1]/', 'private address ::ffff:7f00:1'],
    ['http://[fe80::1]/', 'private address fe80::1'],
    ['http://localhost/', 'not a public name: localhost'],
    ['http://router/', 'not a public name: router'],
    ['http://nas.lan/', 'not a public name: nas.lan'],
    ['http://printer.local/', 'not a public name: printer.local'],
    ['http://x.home.arpa/', 'not a public name: x.home.arpa'],
    ['http://abc.onion/', 'not a public name: abc.onion'],
  ])('%s: %s', async (url, expected) => {
    expect(await reason(() => guard.checkUrl(new URL(url)))).toBe(expected);
  });

  test('names are judged by where they lead, each time', async () => {
    const answers: Record<string, string[][]> = {
      'good.org': [['93.184.215.14']],
      'rebind.org': [['93.184.215.14'], ['192.168.1.1']],
      'mixed.org': [['93.184.215.14', '127.0.0.1']],
      'none.org': [[]],
    };
    const asked: Record<string, number> = {};
    const lookup = async (name: string) => {
      asked[name] = (asked[name] ?? -1) + 1;
      return answers[name]![Math.min(asked[name]!, answers[name]!.length - 1)]!;
    };
    const checked = createGuard({ lookup });
    expect(await checked.resolve('good.org', 443)).toEqual(['93.184.215.14']);
    expect(await checked.resolve('rebind.org', 443)).toEqual(['93.184.215.14']);
    expect(await reason(() => checked.resolve('rebind.org', 443))).toBe('private address 192.168.1.1');
    expect(await reason(() => checked.resolve('mixed.org', 443))).toBe('private address 127.0.0.1');
    expect(await reason(() => checked.resolve('none.org', 443))).toBe('no address: none.org');
    expect(await reason(() => checked.resolve('good.org', 22))).toBe('port 22');
    expect(await reason(() => checked.resolve('[::1]', 443))).toBe('private address ::1');
  });

  test('a test may allow one network, and no other', async () => {
    const open = createGuard({ allowPrivate: ['127.0.0.0/8'], lookup: async () => ['127.0.0.1'] });
    expect(await open.resolve('any.test', 1234)).toEqual(['127.0.0.1']);
    expect(await reason(() => open.checkUrl(new URL('http://127.0.0.1:1234/')))).toBe(null);
    expect(await reason(() => open.checkUrl(new URL('http://10.0.0.1/')))).toBe('private address 10.0.0.1');
    expect(await reason(() => open.resolve('::1', 80))).toBe('private address ::1');
    for (const network of ['127.0.0.1', 'x/8', '10.0.0.0/33', '::1/129', '10.0.0.0/']) {
      expect(() => createGuard({ allowPrivate: [network] })).toThrow(/expected a network such as/);
    }
  });

  test('the home is not contacted though its addresses are public, however they are written', async () => {
    const home = (address: string) => address === '203.1.7.9' || address === '2a00:1450:4f00:1::77';
    const checked = createGuard({ home, homeNetworks: ['198.51.7.0/24'], lookup: async (name) => [name] });
    for (const address of [
      '203.1.7.9',
      '2a00:1450:4f00:1::77',
      '198.51.7.1',
      '::ffff:198.51.7.1',
      '64:ff9b::198.51.7.1',
    ]) {
      expect(await reason(() => checked.checkAddress(address, 443))).toBe(`address of this home ${address}`);
    }
    expect(await reason(() => checked.checkAddress('203.1.7.10', 443))).toBe(null);
    expect(() => createGuard({ homeNetworks: ['home'] })).toThrow('homeNetworks: expected a network such as');
  });
});
