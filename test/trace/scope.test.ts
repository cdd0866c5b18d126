import { describe, expect, test } from 'vitest';
import { isGroupMac, networkOf, normaliseIp, normaliseMac, scopeOf } from '../../src/trace/scope.js';

describe('scopeOf', () => {
  test.each([
    ['8.8.8.8', 'outside'],
    ['172.15.255.255', 'outside'],
    ['172.32.0.0', 'outside'],
    ['192.167.1.1', 'outside'],
    ['223.255.255.255', 'outside'],
    ['100.64.0.1', 'outside'],
    ['203.0.113.7', 'outside'],
    ['2001:db8::1', 'outside'],
    ['2a00:1450:4001::200e', 'outside'],
    ['::ffff:8.8.8.8', 'outside'],
    ['64:ff9b::808:808', 'outside'],
    ['10.255.0.1', 'home'],
    ['172.16.0.1', 'home'],
    ['172.31.255.255', 'home'],
    ['192.168.0.1', 'home'],
    ['169.254.10.1', 'home'],
    ['127.0.0.1', 'home'],
    ['::1', 'home'],
    ['fe80::1', 'home'],
    ['febf::1', 'home'],
    ['fd12:3456::1', 'home'],
    ['fc00::1', 'home'],
    ['::ffff:192.168.1.1', 'home'],
    ['224.0.0.251', 'group'],
    ['239.255.255.250', 'group'],
    ['255.255.255.255', 'group'],
    ['0.0.0.0', 'group'],
    ['240.0.0.1', 'group'],
    ['ff02::fb', 'group'],
    ['::', 'group'],
    ['', 'none'],
    ['aa:bb:cc:dd:ee:ff', 'none'],
  ])('%s is %s', (address, scope) => {
    expect(scopeOf(address)).toBe(scope);
  });
});

test.each([
  ['AA-BB-CC-00-11-22', 'aa:bb:cc:00:11:22'],
  ['aabb.cc00.1122', 'aa:bb:cc:00:11:22'],
  ['aabbcc001122', 'aa:bb:cc:00:11:22'],
  [' a:b:c:0:1:2 ', '0a:0b:0c:00:01:02'],
  ['aa:bb:cc:00:11', null],
  ['aa:bb-cc:00:11:22', null],
  ['aa:bb:cc:00:11:2g', null],
])('normaliseMac(%s)', (text, expected) => {
  expect(normaliseMac(text)).toBe(expected);
});

test.each([
  ['192.168.1.1', '192.168.1.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::ffff:c0a8:0101', '::ffff:192.168.1.1'],
  ['::ffff:192.168.1.1', '::ffff:192.168.1.1'],
  ['1.2.3', null],
  ['300.1.1.1', null],
  ['plug', null],
])('normaliseIp(%s)', (text, expected) => {
  expect(normaliseIp(text)).toBe(expected);
});

test('neighbours in IPv6 share 64 bits; in IPv4 every address is its own network', () => {
  expect(networkOf('2001:db8:1:2:aaaa::1')).toBe(networkOf('2001:db8:1:2::9'));
  expect(networkOf('2001:db8:1:2::1')).not.toBe(networkOf('2001:db8:1:3::1'));
  expect(networkOf('8.8.8.8')).not.toBe(networkOf('8.8.8.9'));
});

test('group MAC addresses have the lowest bit of the first byte set', () => {
  expect(['01:00:5e:00:00:fb', '33:33:00:00:00:01', 'ff:ff:ff:ff:ff:ff'].map(isGroupMac)).toEqual([true, true, true]);
  expect(isGroupMac('02:00:00:00:00:01')).toBe(false);
});
