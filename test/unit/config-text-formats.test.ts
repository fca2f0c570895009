import { describe, expect, it } from 'vitest';
import { loadProfile, loadProject } from '../../src/config/load.js';
import { TEXT_FORMAT_NAMES, TEXT_FORMATS, textFault, wholePattern } from '../../src/config/text-formats.js';
import { ConfigError } from '../../src/errors.js';
import { CHECKOUT } from '../support/cli.js';

type Format = keyof typeof TEXT_FORMATS;

const V4 = ['192.0.2.1', '0.0.0.0', '255.255.255.255'];
const V6 = ['2001:db8::1', '::', '::1', 'fe80::1', '::ffff:192.0.2.1', '2001:DB8:0:0:0:0:0:1'];
const NETWORKS_V4 = ['192.0.2.10/24', '0.0.0.0/0', '192.0.2.1/32'];
const NETWORKS_V6 = ['2001:db8::10/64', '::/0', '2001:db8::1/128', 'fc00::/7'];
const SCOPED = ['fe80::1%eth0'];
const NAMES = ['eth0', 'eno1.100', 'br-lan', 'x', 'a23456789012345'];

const GOOD: Readonly<Record<Format, readonly string[]>> = {
  ipv4: V4,
  ipv6: V6,
  ip: [...V4, ...V6],
  'scoped-ip': [...V4, ...V6, ...SCOPED],
  'ipv4-network': NETWORKS_V4,
  'ipv6-network': NETWORKS_V6,
  'ip-network': [...NETWORKS_V4, ...NETWORKS_V6],
  'ip-or-network': [...V4, ...V6, ...NETWORKS_V4, ...NETWORKS_V6],
  interface: NAMES,
};

const NEVER = [
  '',
  ' 192.0.2.1',
  '192.0.2.1\n',
  '192.0.2',
  '999.1.1.1',
  '192.0.2.01',
  '300.1.1.0/24',
  '999.0.2.10/24',
  '192.0.2.10/40',
  '192.0.2.10/024',
  '192.0.2.10/-1',
  '192.0.2.10/',
  '::::',
  ':',
  '::::/12',
  '2001:db8::1/129',
  '2001:db8::1/200',
  'fe80::1%eth0/64',
  'lo',
  'all',
  'default',
  '0eth',
  'a234567890123456',
  'a/b',
];

describe.each(TEXT_FORMAT_NAMES.map((name): [Format] => [name]))('%s', (format) => {
  const good = GOOD[format];
  const every = [...Object.values(GOOD).flat(), ...NEVER];

  it('takes what it is, and nothing else', () => {
    const taken = [...new Set(every)].filter((text) => textFault({ format }, text) === undefined);
    expect(taken.sort()).toEqual([...good].sort());
  });

  it('has a pattern for editors that lets all of it through', () => {
    const pattern = new RegExp(wholePattern(TEXT_FORMATS[format].pattern), 'u');
    expect(good.filter((text) => !pattern.test(text))).toEqual([]);
  });
});

describe('options of the network', () => {
  const project = loadProject({ programDir: CHECKOUT });

  function refused(set: string): string {
    try {
      loadProfile(project, 'deb12-amd64-kvm', [set]);
      return '';
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(({ message }) => message).join('\n');
      throw error;
    }
  }

  it.each([
    'network.ipv4.addresses=192.0.2.10/24',
    'network.ipv4.gateway=192.0.2.1',
    'network.ipv6.addresses=2001:db8::10/64',
    'network.ipv6.gateway=fe80::1',
    'network.ipv4.gateway=',
    'sinkhole.name=nowhere',
    'resolvconf.nameservers=192.0.2.53,fe80::1%eth0',
  ])('take %s', (set) => {
    expect(refused(set)).toBe('');
  });

  it.each([
    ['network.ipv4.addresses=999.0.2.10/24', 'expected an IPv4 network'],
    ['network.ipv4.addresses=192.0.2.10/40', 'found "192.0.2.10/40"'],
    ['network.ipv4.gateway=999.1.1.1', 'expected an IPv4 address'],
    ['network.ipv6.gateway=::::', 'expected an IPv6 address'],
    ['network.ipv6.addresses=2001:db8::1/200', 'expected an IPv6 network'],
    ['network.rename=lo', 'expected the name of an interface'],
    ['sinkhole.ipv4.networks=300.1.1.0/24', 'expected an IPv4 network'],
    ['sinkhole.ipv6.networks=2001:db8::/129', 'expected an IPv6 network'],
    ['sinkhole.ipv6.networks=::::/12', 'expected an IPv6 network'],
    ['sinkhole.name=lo', 'expected the name of an interface'],
    ['resolvconf.nameservers=999.1.1.1', 'expected an IPv4 or IPv6 address'],
  ])('refuse %s', (set, message) => {
    expect(refused(set)).toContain(message);
  });
});
