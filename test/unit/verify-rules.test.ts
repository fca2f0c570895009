import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { rulesPage } from '../../src/verify/docs.js';
import { judge } from '../../src/verify/judge.js';
import { PLATFORMS } from '../../src/verify/types.js';
import { RULES } from '../../src/verify/rules/index.js';
import { CASES, GOOD } from '../fixtures/verify/cases.js';
import { CHECKOUT } from '../support/cli.js';

describe('rules', () => {
  it('have ids of their own, in families', () => {
    const ids = RULES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^(PVE-CT|PVE-VM|OCI|INCUS|FS|HV|VMW|DISK|IMAGE|AUD)(-[A-Z0-9]+)+$/.test(id))).toEqual(
      [],
    );
  });

  it('have a good and a bad image each', () => {
    expect(Object.keys(CASES).sort()).toEqual(RULES.map(({ id }) => id).sort());
    expect(Object.entries(CASES).filter(([, { bad }]) => bad.length === 0)).toEqual([]);
  });

  it.each(RULES)('$id says why, and what to do', ({ title, source, advice }) => {
    for (const text of [title, source, advice]) {
      expect(text.length).toBeGreaterThan(8);
      expect(text).not.toMatch(/\.$/);
    }
    // As the verb has it.
    expect(advice).not.toMatch(/imgbuild convert (?!--to )/);
  });

  it.each(GOOD)('find nothing worse than information in a good image for %s', (platform, facts) => {
    const { findings, asked } = judge(facts, [platform]);
    expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
    expect(asked).toBeGreaterThan(20);
  });

  it.each(Object.entries(CASES))('%s', (id, { platform, good, bad }) => {
    expect(judge(good, [platform]).findings.map((finding) => finding.id)).not.toContain(id);
    const rule = RULES.find((candidate) => candidate.id === id);
    for (const { facts, says, where } of bad) {
      const found = judge(facts, [platform]).findings.filter((finding) => finding.id === id);
      const expected = { severity: rule?.severity, hint: rule?.advice, ...(where === undefined ? {} : { where }) };
      expect(found, says).toContainEqual(
        expect.objectContaining({ ...expected, message: expect.stringContaining(says) as string }),
      );
    }
  });

  it('want the drivers of Hyper-V in an image for Azure, too', () => {
    const [, vhd] = GOOD.find(([platform]) => platform === 'azure') ?? [];
    expect(vhd).toBeDefined();
    if (vhd?.boot === undefined) return;
    const boot = { ...vhd.boot, builtin: [], initramfs: [{ file: '/boot/initrd.img-6.1', modules: ['virtio_scsi'] }] };
    expect(judge({ ...vhd, boot }, ['azure']).findings).toContainEqual(
      expect.objectContaining({ id: 'HV-INITRAMFS', severity: 'error' }),
    );
  });

  it.each(PLATFORMS)('for %s do not let a file of another format pass', (platform) => {
    const foreign = GOOD.filter(([other]) => other === (platform === 'hyper-v' ? 'azure' : 'hyper-v')).map(
      ([, facts]) => judge(facts, [platform]).findings.map(({ id }) => id),
    );
    expect(foreign).toEqual([expect.arrayContaining([expect.stringMatching(/-(FORMAT|NAME)$/) as string])]);
  });

  it('of one platform are silent about images for another', () => {
    const [, template] = GOOD[0] ?? [];
    const foreign = judge({ ...template, file: { name: 'x y', bytes: 1 } }, ['vmware']).findings;
    expect(foreign.filter(({ id }) => id.startsWith('PVE'))).toEqual([]);
  });

  it('tell the worst first', () => {
    const bad = CASES['AUD-LEFTOVERS']?.bad[0]?.facts;
    const empty = CASES['AUD-EMPTY-PASSWORD']?.bad[0]?.facts.tree?.texts.get('etc/shadow') ?? '';
    expect(bad?.tree).toBeDefined();
    if (bad?.tree === undefined) return;
    const texts = new Map([...bad.tree.texts, ['etc/shadow', empty]]);
    const severities = judge({ ...bad, tree: { ...bad.tree, texts } }, ['proxmox-ct']).findings.map(
      ({ severity }) => severity,
    );
    expect(severities).toEqual(['error', 'warning']);
  });
});

describe('the page of rules', () => {
  it('is current (imgbuild generate writes it)', () => {
    const file = path.join(CHECKOUT, 'docs/rules.md');
    expect(existsSync(file) ? readFileSync(file, 'utf8') : '').toBe(rulesPage());
  });
});
