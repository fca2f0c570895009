import { describe, expect, it } from 'vitest';
import { convert, convertOne } from '../support/network.js';

describe('what Proxmox VE writes', () => {
  it('static addresses of both families', async () => {
    const lines = await convertOne(
      'auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n\taddress 10.0.0.5/24\n\tgateway 10.0.0.1\n\n' +
        'iface eth0 inet6 static\n\taddress fd00::5/64\n\tgateway fd00::1\n\n',
    );
    expect(lines).toEqual([
      '[Match] Name=eth0',
      '[Network] ConfigureWithoutCarrier=yes',
      '[Address] Address=10.0.0.5/24',
      '[Address] Address=fd00::5/64',
      '[Route] Gateway=10.0.0.1',
      '[Route] Gateway=fd00::1',
    ]);
  });

  it('DHCP of both families', async () => {
    expect(await convertOne('auto eth0\niface eth0 inet dhcp\n\niface eth0 inet6 dhcp\n\n')).toEqual([
      '[Match] Name=eth0',
      '[Network] DHCP=yes',
      '[DHCPv4] ClientIdentifier=mac',
      '[DHCPv6] WithoutRA=solicit',
      '[IPv6AcceptRA] DHCPv6Client=always',
    ]);
  });

  it('DHCP and router advertisements', async () => {
    expect(await convertOne('auto eth0\niface eth0 inet dhcp\n\niface eth0 inet6 auto\n\n')).toEqual([
      '[Match] Name=eth0',
      '[Network] DHCP=ipv4',
      '[Network] IPv6AcceptRA=yes',
      '[DHCPv4] ClientIdentifier=mac',
    ]);
  });

  it('interfaces that are only brought up', async () => {
    expect(await convertOne('auto eth0\niface eth0 inet manual\n\niface eth0 inet6 manual\n\n')).toEqual([
      '[Match] Name=eth0',
    ]);
  });

  it('gateways outside of the network', async () => {
    const lines = await convertOne(
      'auto eth0\niface eth0 inet static\n\taddress 203.0.113.7/32\n# --- BEGIN PVE ---\n' +
        '\tpost-up ip route add 192.0.2.1 dev eth0\n\tpost-up ip route add default via 192.0.2.1 dev eth0\n' +
        '\tpre-down ip route del default via 192.0.2.1 dev eth0\n\tpre-down ip route del 192.0.2.1 dev eth0\n' +
        '# --- END PVE ---\n\niface eth0 inet6 static\n\taddress fd00::5/64\n# --- BEGIN PVE ---\n' +
        '\tpost-up ip route add fd01::1 dev eth0\n\tpost-up ip route add default via fd01::1 dev eth0\n# --- END PVE ---\n\n',
    );
    expect(lines).toEqual([
      '[Match] Name=eth0',
      '[Network] ConfigureWithoutCarrier=yes',
      '[Address] Address=203.0.113.7/32',
      '[Address] Address=fd00::5/64',
      '[Route] Destination=192.0.2.1',
      '[Route] Scope=link',
      '[Route] Gateway=192.0.2.1',
      '[Route] GatewayOnLink=yes',
      '[Route] Destination=fd01::1',
      '[Route] Gateway=fd01::1',
      '[Route] GatewayOnLink=yes',
    ]);
  });

  it('several interfaces, with comments and settings of the administrator between them', async () => {
    const { files, warnings } = await convert(
      '# mine\nauto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n\taddress 10.0.0.5/24\n\tmtu 1400\n\n' +
        'auto eth1\niface eth1 inet dhcp\n\n',
    );
    expect(warnings).toEqual([]);
    expect(files).toEqual({
      eth0: [
        '[Match] Name=eth0',
        '[Link] MTUBytes=1400',
        '[Network] ConfigureWithoutCarrier=yes',
        '[Address] Address=10.0.0.5/24',
      ],
      eth1: ['[Match] Name=eth1', '[Network] DHCP=ipv4', '[DHCPv4] ClientIdentifier=mac'],
    });
  });
});

describe('what administrators write', () => {
  const STATIC = 'auto eth0\niface eth0 inet static\n address 10.0.0.5\n';

  it.each([
    ['a dotted netmask', ' netmask 255.255.252.0\n', '10.0.0.5/22'],
    ['a number as netmask', ' netmask 22\n', '10.0.0.5/22'],
    ['no netmask: that of the class', '', '10.0.0.5/8'],
  ])('%s', async (_, netmask, address) => {
    expect(await convertOne(STATIC + netmask)).toContain(`[Address] Address=${address}`);
  });

  it('several addresses, in one stanza, in further stanzas and under aliases', async () => {
    const lines = await convertOne(
      'auto eth0 eth0:1\niface eth0 inet static\n address 10.0.0.5/24\n address 10.0.0.6/24\n' +
        'iface eth0 inet static\n address 10.0.1.5/24\niface eth0:1 inet static\n address 10.0.2.5/24\n',
    );
    expect(lines.filter((line) => line.startsWith('[Address]'))).toEqual([
      '[Address] Address=10.0.0.5/24',
      '[Address] Address=10.0.0.6/24',
      '[Address] Address=10.0.1.5/24',
      '[Address] Address=10.0.2.5/24',
    ]);
  });

  it('hardware address, metric, name servers, peer, broadcast and hotplug', async () => {
    const lines = await convertOne(
      'allow-hotplug eth0\niface eth0 inet static\n\taddress 10.0.0.5/24\n\tbroadcast 10.0.0.255\n\tpointopoint 10.0.0.9\n' +
        '\tgateway 10.0.0.1\n\tmetric 50\n\thwaddress ether 02:00:00:00:00:01\n\tdns-nameservers 10.0.0.2 10.0.0.3\n' +
        '\tdns-search example.org\n\tdns-domain example.net\n',
    );
    expect(lines).toEqual([
      '[Match] Name=eth0',
      '[Link] MACAddress=02:00:00:00:00:01',
      '[Link] RequiredForOnline=no',
      '[Network] DNS=10.0.0.2',
      '[Network] DNS=10.0.0.3',
      '[Network] Domains=example.org example.net',
      '[Network] ConfigureWithoutCarrier=yes',
      '[Address] Address=10.0.0.5/24',
      '[Address] Peer=10.0.0.9/32',
      '[Address] Broadcast=10.0.0.255',
      '[Route] Gateway=10.0.0.1',
      '[Route] Metric=50',
    ]);
  });

  it('gateways: on the link when outside of the network, never so for link-local ones', async () => {
    expect(await convertOne(`${STATIC} netmask 24\n gateway 192.0.2.1\n`)).toContain('[Route] GatewayOnLink=yes');
    const ipv6 = await convertOne('auto eth0\niface eth0 inet6 static\n address fd00::5\n gateway fe80::1\n');
    expect(ipv6).toContain('[Address] Address=fd00::5/64');
    expect(ipv6.slice(-1)).toEqual(['[Route] Gateway=fe80::1']);
  });

  it('router advertisements, privacy addresses', async () => {
    const lines = await convertOne(
      'auto eth0\niface eth0 inet6 static\n address fd00::5/64\n accept_ra 0\n autoconf 0\n privext 2\n',
    );
    expect(lines).toContain('[Network] IPv6AcceptRA=no');
    expect(lines).toContain('[Network] IPv6PrivacyExtensions=yes');
    expect(lines).toContain('[IPv6AcceptRA] UseAutonomousPrefix=no');
  });

  it('static routes', async () => {
    const lines = await convertOne(
      `${STATIC} netmask 24\n up ip route add 10.9.0.0/16 via 10.0.0.254 dev eth0 metric 7\n`.replace(' || true', '') +
        ' post-up /sbin/ip -6 route replace fd09::/32 via fe80::9\n',
    );
    expect(lines.slice(-5)).toEqual([
      '[Route] Destination=10.9.0.0/16',
      '[Route] Gateway=10.0.0.254',
      '[Route] Metric=7',
      '[Route] Destination=fd09::/32',
      '[Route] Gateway=fe80::9',
    ]);
  });

  it('lines that go on in the next', async () => {
    expect(await convertOne('auto \\\n eth0\niface eth0 \\\ninet dhcp')).toContain('[Network] DHCP=ipv4');
  });

  it('other files', async () => {
    const { files, warnings } = await convert('source interfaces.d/*\nsource-directory more\n', {
      'network/interfaces.d/eth0': 'auto eth0\niface eth0 inet dhcp\n',
      'network/more/eth1': 'auto eth1\niface eth1 inet dhcp\n',
      'network/more/eth2.dpkg-old': 'auto eth2\niface eth2 inet dhcp\n',
    });
    expect(warnings).toEqual([]);
    expect(Object.keys(files)).toEqual(['eth0', 'eth1']);
  });

  it('files that name each other without end', async () => {
    const { code, warnings } = await convert('source interfaces\n');
    expect(code).toBe(0);
    expect(warnings).toEqual([expect.stringContaining('too many files')]);
  });
});
