import { describe, expect, it } from 'vitest';
import { imageName, proxmoxName, stampOf } from '../../src/exec/names.js';
import type { BuildSettings } from '../../src/exec/types.js';
import type { BuildPlan } from '../../src/plan/types.js';

const plan = (profile: string, suite: string): BuildPlan =>
  ({ profile, suite, architecture: 'amd64' }) as unknown as BuildPlan;
const stamp = { day: '2026-11-23', seconds: 1795405842 };

describe('names of images', () => {
  it('are profile, day and second', () => {
    expect(imageName('web', 'rootfs', stamp, '.tar.zst')).toBe('web_rootfs_2026-11-23_1795405842.tar.zst');
  });

  it('use SOURCE_DATE_EPOCH when it is given', () => {
    const settings = { sourceDateEpoch: 1700000000 } as unknown as BuildSettings;
    expect(stampOf(settings, new Date())).toEqual({ day: '2023-11-14', seconds: 1700000000 });
  });

  // What pve-manager takes apart: OS-release, name, version that starts with a digit, architecture.
  const parsed = /^debian-(\d+)-([a-z0-9-]+)_(\d[a-zA-Z0-9.+\-:~]*)_(amd64)\.tar\.zst$/;

  it.each([
    ['web', 'bookworm', '12.12', 'debian-12-web_12.12-20261123_amd64.tar.zst'],
    ['deb13-amd64-lxc', 'trixie', '13.2', 'debian-13-deb13-amd64-lxc_13.2-20261123_amd64.tar.zst'],
    ['my_box', 'forky', 'forky/sid', 'debian-14-my-box_14-20261123_amd64.tar.zst'],
  ])('in the style of Proxmox are what it parses: %s', (profile, suite, version, name) => {
    const made = proxmoxName(plan(profile, suite), version, stamp, '.tar.zst');
    expect(made).toBe(name);
    expect(made).toMatch(parsed);
  });
});
