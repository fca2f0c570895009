import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runHook } from '../support/hook.js';
import { tree } from '../support/tree.js';

const DEFAULTS = {
  OPT_CLOUD_INIT_DATASOURCES: 'NoCloud\nVMware',
  OPT_CLOUD_INIT_DEFAULT_USER: 'true',
  OPT_CLOUD_INIT_NETWORK: 'true',
  OPT_LOGIN_ENABLE: 'true',
  OPT_LOGIN_USER: 'ann',
  OPT_SSHD_ENABLE: 'true',
};
const POLICY = 'AllowGroups ssh-login\nAuthorizedKeysFile /etc/ssh/authorized_keys/%u\nUsePAM no\n';

/** What the hook writes, as cloud-init merges it, and the policy of SSH. */
async function written(env: Readonly<Record<string, string>>, warning = ''): Promise<Record<string, unknown>> {
  const root = tree({ 'etc/ssh/sshd_config': POLICY });
  const hook = 'cloud-init/hooks/customize/50-cloud-init.sh';
  const { code, stderr } = await runHook(root, hook, { ...DEFAULTS, ...env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: warning });
  const read = (file: string): string => readFileSync(path.join(root, 'etc', file), 'utf8');
  return {
    own: parse(read('cloud/cloud.cfg.d/95-imgbuild.cfg')) as unknown,
    network: parse(read('cloud/cloud.cfg.d/96-imgbuild-network.cfg')) as unknown,
    policy: read('ssh/sshd_config'),
  };
}

describe('the configuration of cloud-init', () => {
  it('lets the login account be the default user, and leaves network, host keys and root as the image has them', async () => {
    expect(await written({})).toEqual({
      own: {
        datasource_list: ['NoCloud', 'VMware', 'None'],
        ssh_deletekeys: false,
        ssh_keys: {},
        disable_root: true,
        manage_etc_hosts: 'localhost',
        growpart: { mode: 'auto', devices: ['/'] },
        resize_rootfs: 'noblock',
        users: ['default'],
        system_info: {
          distro: 'imgbuild',
          default_user: { name: 'ann', lock_passwd: false, groups: [], sudo: null },
        },
      },
      network: { system_info: { network: { renderers: ['networkd'], activators: ['networkd'] } } },
      policy: POLICY,
    });
  });

  it.each([{ OPT_CLOUD_INIT_DEFAULT_USER: 'false' }, { OPT_LOGIN_ENABLE: 'false' }])(
    'has no default user: %o',
    async (env) => {
      expect(await written(env)).toMatchObject({ own: { users: [], system_info: { distro: 'imgbuild' } } });
    },
  );

  it('keeps cloud-init from the network on demand, and without any datasource', async () => {
    expect(await written({ OPT_CLOUD_INIT_NETWORK: 'false', OPT_CLOUD_INIT_DATASOURCES: '' })).toMatchObject({
      own: { datasource_list: ['None'] },
      network: { network: { config: 'disabled' } },
    });
  });

  it('is one that 20.4 of bullseye understands', async () => {
    const warning = "warning: cloud-init of bullseye cannot configure systemd-networkd: the network is the image's\n";
    expect(await written({ SUITE: 'bullseye' }, warning)).toMatchObject({
      own: { system_info: { default_user: { sudo: false } } },
      network: { network: { config: 'disabled' } },
      policy: POLICY.replace('%u', '%u .ssh/authorized_keys'),
    });
  });
});
