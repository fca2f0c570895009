import { describe, expect, it } from 'vitest';
import { MACHINE_OPTIONS } from '../../src/config/machine-options.js';
import { judge } from '../../src/verify/judge.js';
import { readOvf } from '../../src/verify/read/ovf.js';
import { descriptor } from '../fixtures/verify/ovf.js';
import { OVA, OVF } from '../fixtures/verify/facts.js';

const THERE = OVF.there;

function namedVersions(): string[] {
  return [...MACHINE_OPTIONS['vm.hardwareVersion'].help.matchAll(/(\d+) for/g)].map(([, version = '']) => version);
}

describe('a descriptor', () => {
  it('is read by names and namespaces', () => {
    expect(readOvf(descriptor(), THERE)).toEqual(OVF);
  });

  it('may have any prefixes', () => {
    const text = descriptor()
      .replaceAll('<ovf:', '<')
      .replaceAll('</ovf:', '</')
      .replace('xmlns:ovf=', 'xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf=')
      .replaceAll('rasd:', 'r:')
      .replace('xmlns:rasd', 'xmlns:r');
    expect(readOvf(text, THERE)).toEqual(OVF);
  });

  it.each([
    ['', 'nothing'],
    ['<Envelope><References></Envelope>', 'a tag that is not closed'],
    ['<a>&undefined;</a>', 'an entity that nobody has declared'],
    ['no XML', 'text'],
    ['<a>\u0007</a>', 'a control character'],
    ['<a b="&#7;"/>', 'a control character by its number'],
    ['<a>&#x1F;</a>', 'a control character by its number in hexadecimal'],
  ])('is refused when it is %j', (text) => {
    const facts = readOvf(text, THERE);
    expect(facts.defect).not.toBe('');
    expect(facts.items).toEqual([]);
    const ids = judge({ ...OVA, ovf: facts }, ['vmware']).findings.map(({ id }) => id);
    expect(ids.filter((id) => id.startsWith('VMW-OVF'))).toEqual(['VMW-OVF-XML', 'VMW-OVF-FIRMWARE']);
  });

  it('may have line ends and tabs', () => {
    const text = '<a b="&#9;&#xA;">\t\r\n</a>';
    expect(readOvf(text, THERE).defect).toBe('');
  });

  it('does not fetch what it names', () => {
    const text = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>';
    expect(JSON.stringify(readOvf(text, THERE))).not.toContain('root:');
  });

  it.each(namedVersions())('of the hardware version %s, which an option speaks of, is right', (version) => {
    const facts = { ...OVA, ovf: readOvf(descriptor().replace('vmx-15', `vmx-${version}`), THERE) };
    expect(judge(facts, ['vmware']).findings.map(({ id }) => id)).not.toContain('VMW-OVF-HARDWARE');
  });

  it.each([
    [['envelope/1', 'envelope/2'], 'VMW-OVF-NAMESPACE'],
    [['#streamOptimized', '#'], 'VMW-OVF-DISK-FORMAT'],
    [['"byte * 2^20" ovf:diskId', '"byte" ovf:diskId'], 'VMW-OVF-DISK-UNITS'],
    [['ovf:capacity="2048"', 'ovf:capacity="1024"'], 'VMW-OVF-DISK-CAPACITY'],
    [['ovf:size="4096"', 'ovf:size="1"'], 'VMW-OVF-FILES'],
    [['ovf:id="96"', 'ovf:id="1"'], 'VMW-OVF-OS'],
    [['debian12_64Guest', 'winNetEnterpriseGuest'], 'VMW-OVF-OS-TYPE'],
    [['vmx-15', 'vmx-16'], 'VMW-OVF-HARDWARE'],
    [['ovf:/disk/vmdisk1', '/disk/vmdisk1'], 'VMW-OVF-DISK-PLACE'],
    [['<rasd:Parent>3', '<rasd:Parent>1'], 'VMW-OVF-DISK-PLACE'],
    [['VirtualSCSI', 'lsilogic'], 'VMW-OVF-CONTROLLER'],
    [['VmxNet3', 'E1000'], 'VMW-OVF-NETWORK'],
    [['vmw:key="firmware" vmw:value="efi"', 'vmw:key="firmware" vmw:value="bios"'], 'VMW-OVF-FIRMWARE'],
    [['isolation.tools.copy.disable', 'uuid.bios'], 'VMW-OVF-IDENTITY'],
  ] as const)('that has been tampered with is found out: %j → %s', ([from, to], id) => {
    const text = descriptor();
    expect(text).toContain(from);
    const facts = { ...OVA, ovf: readOvf(text.replaceAll(from, to), THERE) };
    expect(judge(facts, ['vmware']).findings.map((finding) => finding.id)).toContain(id);
  });
});
