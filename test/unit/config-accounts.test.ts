import { describe, expect, it } from 'vitest';
import { loadProfile, loadProject } from '../../src/config/load.js';
import { ConfigError, formatProblem } from '../../src/errors.js';
import { CHECKOUT } from '../support/cli.js';
import { tree } from '../support/tree.js';

const PROFILE = 'suite: bookworm\narchitecture: amd64\ncollections: [base]\n';

/** What is wrong with a profile of the product's own collections that has these options, and these arguments. */
function problemsWith(options: string, sets: readonly string[] = [], site = 'options: {}\n'): string[] {
  const cwd = tree({ 'profiles/p.yaml': `${PROFILE}options: { ${options} }\n`, 'defaults.yaml': site });
  try {
    loadProfile(loadProject({ programDir: CHECKOUT, cwd }), 'p', sets);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem);
    throw error;
  }
  return [];
}

const NAME = '(each account and group needs a name of its own)';
const ID = '(each account and group needs an id of its own)';

describe('accounts and groups', () => {
  it.each<[string, string, string]>([
    ['login.user: root', '24', `options.login.user: "root" is the administrator of every image ${NAME}`],
    ['sshd.loginGroup: root', '29', `options.sshd.loginGroup: "root" is the administrator of every image ${NAME}`],
    ['login.user: wanda', '24', `options.login.user: "wanda" is the value of unprivileged.user, too ${NAME}`],
    ['login.uid: 1001', '23', `options.login.uid: 1001 is the value of unprivileged.uid, too ${ID}`],
    ['login: { uid: 901 }', '26', `options.login.uid: 901 is the value of sshd.shellGid, too ${ID}`],
    ['sshd.loginGid: 901', '27', `options.sshd.loginGid: 901 is the value of sshd.shellGid, too ${ID}`],
    [
      'control: { enable: true, user: cosmo }',
      '43',
      `options.control.user: "cosmo" is the value of login.user, too ${NAME}`,
    ],
    [
      'sshd: { shellGroup: wanda }',
      '32',
      `options.sshd.shellGroup: "wanda" is the value of unprivileged.user, too ${NAME}`,
    ],
    [
      'login.user: bob, unprivileged.user: bob',
      '48',
      `options.unprivileged.user: "bob" is the value of login.user, too ${NAME}`,
    ],
  ])('cannot be one another: %s', (options, column, message) => {
    expect(problemsWith(options)).toEqual([`profiles/p.yaml:4:${column}: ${message}`]);
  });

  it('are told where the value comes from that is given last', () => {
    const site = 'options: { unprivileged.uid: 2000 }\n';
    expect(problemsWith('login.uid: 2000', [], site)).toEqual([
      expect.stringMatching(
        /^profiles\/p\.yaml:4:\d+: options\.login\.uid: 2000 is the value of unprivileged\.uid, too/,
      ),
    ]);
    expect(problemsWith('login.uid: 1500', [], 'options: { unprivileged.uid: 1000, login.uid: 1 }\n')).toEqual([]);
    expect(problemsWith('unprivileged.uid: 2000', ['login.uid=2000'])).toEqual([
      `--set login.uid: 2000 is the value of unprivileged.uid, too ${ID}`,
    ]);
  });

  it.each([
    '',
    'login.enable: false, login.user: root',
    'control.user: cosmo, control.uid: 1000',
    'unprivileged.enable: false, login.user: wanda, login.uid: 1001',
    'sshd: { enable: false, loginGid: 901 }',
  ])('that are not made are in nobody’s way: %s', (options) => {
    expect(problemsWith(options)).toEqual([]);
  });
});
