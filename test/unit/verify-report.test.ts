import { describe, expect, it } from 'vitest';
import { machinesOf } from '../../src/verify/machines.js';
import { countFindings, isRefused, reportLines } from '../../src/verify/report.js';
import type { Finding, Severity } from '../../src/verify/types.js';

function finding(id: string, severity: Severity, where?: string): Finding {
  return { id, severity, message: 'is wrong', hint: `mend ${id}`, ...(where === undefined ? {} : { where }) };
}

const FINDINGS = [
  finding('A-1', 'error', '/a'),
  finding('A-1', 'error', '/b'),
  finding('B-2', 'warning'),
  finding('C-3', 'info'),
];

describe('a report', () => {
  it('tells what, where, and once what to do', () => {
    const report = { image: 'x.qcow2', platforms: ['proxmox-vm'], rules: 7, findings: FINDINGS } as const;
    expect(reportLines(report, false)).toEqual([
      'x.qcow2 (proxmox-vm): 7 rules, 2 errors, 1 warning, 1 for information',
      '  error   A-1: /a: is wrong',
      '  error   A-1: /b: is wrong',
      '          → mend A-1',
      '  warning B-2: is wrong',
      '          → mend B-2',
    ]);
    expect(reportLines(report, true).slice(-2)).toEqual(['  info    C-3: is wrong', '          → mend C-3']);
    expect(reportLines({ ...report, findings: [] }, false)).toEqual(['x.qcow2 (proxmox-vm): 7 rules, nothing found']);
  });

  it('lets no name steer the terminal', () => {
    const report = {
      image: 'x.tar',
      platforms: [],
      rules: 1,
      findings: [finding('A-1', 'error', '/\u001b[2J\nx')],
    } as const;
    expect(reportLines(report, false)[1]).toBe('  error   A-1: /?[2J?x: is wrong');
  });

  it('counts', () => {
    expect(countFindings(FINDINGS)).toEqual({ error: 2, warning: 1, info: 1 });
  });

  it.each([
    ['info', false, false],
    ['info', true, false],
    ['warning', false, false],
    ['warning', true, true],
    ['error', false, true],
    ['error', true, true],
  ] as const)('with an %s, strict %s: refused %s', (severity, strict, refused) => {
    expect(isRefused([finding('A-1', severity)], strict)).toBe(refused);
  });
});

describe('machines', () => {
  it('consist of the disks of one build in one format', () => {
    const build = ['rootfs', 'swap'].flatMap((disk) =>
      ['.qcow2', '.vhdx'].map((suffix) => `out/web/web_${disk}_2026-11-23_1795405842${suffix}`),
    );
    expect(
      machinesOf([...build, 'out/web/web_rootfs_2026-11-24_1795405843.qcow2', 'my_disk.raw', 'x.tar.zst']),
    ).toEqual([
      [build[0], build[2]],
      [build[1], build[3]],
      ['out/web/web_rootfs_2026-11-24_1795405843.qcow2'],
      ['my_disk.raw'],
    ]);
  });
});
