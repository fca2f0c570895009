import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runHook } from '../support/hook.js';
import { tree } from '../support/tree.js';

const DEFAULTS = {
  OPT_NETWORK_ENABLE: 'true',
  OPT_NETWORK_INTERFACE: '',
  OPT_NETWORK_MAC: '',
  OPT_NETWORK_RENAME: '',
  OPT_NETWORK_IPV4_ENABLE: 'true',
  OPT_NETWORK_IPV4_DHCP: 'true',
  OPT_NETWORK_IPV4_ADDRESSES: '',
  OPT_NETWORK_IPV4_GATEWAY: '',
  OPT_NETWORK_IPV6_ENABLE: 'true',
  OPT_NETWORK_IPV6_DHCP: 'false',
  OPT_NETWORK_IPV6_AUTOCONF: 'true',
  OPT_NETWORK_IPV6_PRIVACY: 'true',
  OPT_NETWORK_IPV6_ADDRESSES: '',
  OPT_NETWORK_IPV6_GATEWAY: '',
  OPT_NETWORK_SEND_HOSTNAME: 'false',
};

const SINKHOLE = {
  OPT_SINKHOLE_ENABLE: 'true',
  OPT_SINKHOLE_NAME: 'sinkhole',
  OPT_SINKHOLE_TYPE: 'unreachable',
  OPT_SINKHOLE_IPV4_DOCUMENTATION: 'true',
  OPT_SINKHOLE_IPV4_CGNAT: 'false',
  OPT_SINKHOLE_IPV4_DSLITE: 'false',
  OPT_SINKHOLE_IPV4_BENCHMARK: 'true',
  OPT_SINKHOLE_IPV4_PRIVATE: 'false',
  OPT_SINKHOLE_IPV4_NETWORKS: '',
  OPT_SINKHOLE_IPV6_DOCUMENTATION: 'true',
  OPT_SINKHOLE_IPV6_LOCAL: 'false',
  OPT_SINKHOLE_IPV6_TEREDO: 'false',
  OPT_SINKHOLE_IPV6_BENCHMARK: 'true',
  OPT_SINKHOLE_IPV6_6TO4: 'true',
  OPT_SINKHOLE_IPV6_NETWORKS: '',
};

/** Files that a hook makes, by name, each as its settings with their section. */
async function made(hook: string, env: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  const root = tree({ 'etc/systemd/network/.keep': '' });
  const { code, stderr } = await runHook(root, `netconfig/systemd-networkd/hooks/customize/${hook}`, env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const directory = path.join(root, 'etc/systemd/network');
  const names = readdirSync(directory).filter((name) => name !== '.keep');
  return Object.fromEntries(names.map((name) => [name, settings(readFileSync(path.join(directory, name), 'utf8'))]));
}

function settings(text: string): string[] {
  let section = '';
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('[')) section = line;
    return line.includes('=') && !line.startsWith('#') ? [`${section} ${line}`] : [];
  });
}

describe('the network interface', () => {
  it('is any Ethernet interface that is no virtual one, with DHCP and router advertisements', async () => {
    const usual = [
      '[Link] RequiredForOnline=routable',
      '[Network] DHCP=ipv4',
      '[Network] LinkLocalAddressing=ipv6',
      '[Network] IPv6AcceptRA=yes',
      '[Network] IPv6PrivacyExtensions=yes',
      '[DHCPv4] SendHostname=no',
    ];
    expect(await made('40-interface.sh', DEFAULTS)).toEqual({
      '50-default.network': ['[Match] Type=ether', '[Match] Kind=!*', ...usual],
    });
    expect(await made('40-interface.sh', { ...DEFAULTS, SUITE: 'bullseye' })).toEqual({
      '50-default.network': ['[Match] Type=ether', '[Match] Name=!veth*', ...usual],
    });
  });

  it('can have fixed addresses of both families', async () => {
    const files = await made('40-interface.sh', {
      ...DEFAULTS,
      OPT_NETWORK_INTERFACE: 'en*',
      OPT_NETWORK_IPV4_DHCP: 'false',
      OPT_NETWORK_IPV4_ADDRESSES: '192.0.2.10/24\n192.0.2.11/24',
      OPT_NETWORK_IPV4_GATEWAY: '192.0.2.1',
      OPT_NETWORK_IPV6_AUTOCONF: 'false',
      OPT_NETWORK_IPV6_ADDRESSES: '2001:db8::10/64',
      OPT_NETWORK_IPV6_GATEWAY: '2001:db8::1',
    });
    expect(files).toEqual({
      '50-default.network': [
        '[Match] Type=ether',
        '[Match] Name=en*',
        '[Link] RequiredForOnline=routable',
        '[Network] ConfigureWithoutCarrier=yes',
        '[Network] IgnoreCarrierLoss=yes',
        '[Network] DHCP=no',
        '[Network] LinkLocalAddressing=ipv6',
        '[Network] IPv6AcceptRA=no',
        '[Network] IPv6PrivacyExtensions=yes',
        '[Address] Address=192.0.2.10/24',
        '[Address] Address=192.0.2.11/24',
        '[Address] Address=2001:db8::10/64',
        '[Route] Gateway=192.0.2.1',
        '[Route] Gateway=2001:db8::1',
      ],
    });
  });

  it('can do without IPv6, whatever else is said of it', async () => {
    const files = await made('40-interface.sh', {
      ...DEFAULTS,
      OPT_NETWORK_IPV6_ENABLE: 'false',
      OPT_NETWORK_IPV6_DHCP: 'true',
      OPT_NETWORK_IPV6_ADDRESSES: '2001:db8::10/64',
      OPT_NETWORK_IPV6_GATEWAY: '2001:db8::1',
      OPT_NETWORK_SEND_HOSTNAME: 'true',
    });
    expect(files['50-default.network']?.slice(2)).toEqual([
      '[Link] RequiredForOnline=routable',
      '[Network] DHCP=ipv4',
      '[Network] LinkLocalAddressing=no',
      '[Network] IPv6AcceptRA=no',
      '[DHCPv4] SendHostname=yes',
    ]);
  });

  it('gets a name by its MAC address or its name of before', async () => {
    const mac = '02:00:00:00:00:01';
    const files = await made('40-interface.sh', { ...DEFAULTS, OPT_NETWORK_RENAME: 'lan0', OPT_NETWORK_MAC: mac });
    expect(files['10-lan0.link']).toEqual([
      '[Match] Type=ether',
      `[Match] PermanentMACAddress=${mac}`,
      '[Link] NamePolicy=',
      '[Link] Name=lan0',
    ]);
    expect(files['50-default.network']?.slice(0, 2)).toEqual(['[Match] Type=ether', '[Match] Name=lan0']);
  });
});

describe('the sinkhole', () => {
  const routes = (lines: readonly string[] | undefined): string[] =>
    (lines ?? []).flatMap((line) => /Destination=(.*)/.exec(line)?.[1] ?? []);

  it('takes what is documentation or measurement, each once, in one way', async () => {
    const files = await made('35-sinkhole.sh', {
      ...SINKHOLE,
      OPT_SINKHOLE_IPV4_NETWORKS: '192.0.2.0/24\n192.0.0.0/24',
    });
    expect(files['01-sinkhole.netdev']).toContain('[NetDev] Kind=dummy');
    expect(routes(files['01-sinkhole.network'])).toEqual([
      '192.0.2.0/24',
      '198.51.100.0/24',
      '203.0.113.0/24',
      '198.18.0.0/15',
      '192.0.0.0/24',
      '2001:db8::/32',
      '2001:2::/48',
      '2002::/16',
    ]);
    expect(files['01-sinkhole.network']?.filter((line) => line === '[Route] Type=unreachable')).toHaveLength(8);
    expect(files['01-sinkhole.network']).toContain('[Link] RequiredForOnline=no');
  });

  it('takes all that can be asked for', async () => {
    const all = Object.fromEntries(
      Object.entries(SINKHOLE).map(([name, value]) => [name, value === 'false' ? 'true' : value]),
    );
    const files = await made('35-sinkhole.sh', { ...all, OPT_SINKHOLE_TYPE: 'blackhole', OPT_SINKHOLE_NAME: 'void' });
    expect(routes(files['01-void.network'])).toEqual(
      expect.arrayContaining(['10.0.0.0/8', '100.64.0.0/10', 'fc00::/7', '2001::/32']),
    );
    expect(files['01-void.network']).toContain('[Route] Type=blackhole');
  });

  it('is off unless asked for', async () => {
    expect(await made('35-sinkhole.sh', { ...SINKHOLE, OPT_SINKHOLE_ENABLE: 'false' })).toEqual({});
  });
});
