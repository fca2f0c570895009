import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPTION_NAME, OptionDeclaration, type PlainDeclaration } from '../../src/config/declarations.js';
import { CORE_OPTIONS } from '../../src/config/core-options.js';
import { checkValue, defaultValue, optionEnvName, optionEnvValue, parseText } from '../../src/config/options.js';

const boolean: PlainDeclaration = { type: 'boolean', default: false, help: 'h' };
const integer: PlainDeclaration = { type: 'integer', default: 1, min: 0, max: 9, help: 'h' };
const string: PlainDeclaration = { type: 'string', default: '', pattern: '[a-z]+', help: 'h' };
const choice: PlainDeclaration = { type: 'enum', values: ['systemd', 'sysv'], default: 'systemd', help: 'h' };
const list: PlainDeclaration = { type: 'list', item: '[0-9]+', help: 'h' };
const size: PlainDeclaration = { type: 'size', default: '1m', help: 'h' };
const timezone: PlainDeclaration = { type: 'timezone', default: 'UTC', help: 'h' };
const records: PlainDeclaration = {
  type: 'records',
  fields: {
    name: { type: 'string', required: true },
    uris: { type: 'list' },
    on: { type: 'boolean' },
    n: { type: 'integer', max: 5 },
    kind: { type: 'enum', values: ['a', 'b'], default: 'a' },
  },
  help: 'h',
};

describe('checkValue', () => {
  it.each<[PlainDeclaration, unknown, unknown]>([
    [boolean, true, true],
    [integer, 0, 0],
    [integer, 9, 9],
    [string, 'abc', 'abc'],
    [string, '', ''],
    [choice, 'sysv', 'sysv'],
    // YAML takes what has no quotes for a number.
    [{ type: 'enum', values: ['512', '4096'], default: '512', help: 'h' }, 4096, '4096'],
    [list, [], []],
    [list, ['1', '22'], ['1', '22']],
    [size, '120m', '120m'],
    [size, '1.5G', '1.5G'],
    [size, '20%', '20%'],
    [size, 4096, '4096'],
    ...['', 'UTC', 'Etc/UTC', 'US/Eastern', 'America/Argentina/Salta', 'posix/Europe/Berlin'].map(
      (zone): [PlainDeclaration, string, string] => [timezone, zone, zone],
    ),
    [records, [], []],
    [records, [{ name: 'x' }], [{ name: 'x', uris: [], on: 'false', n: '', kind: 'a' }]],
    [
      records,
      [{ name: 'x', uris: ['u'], on: true, n: 3, kind: 'b' }],
      [{ name: 'x', uris: ['u'], on: 'true', n: '3', kind: 'b' }],
    ],
  ])('%j takes %j', (declaration, raw, value) => {
    expect(checkValue(declaration, raw)).toEqual({ ok: true, value });
  });

  it.each<[PlainDeclaration, unknown, RegExp]>([
    [boolean, 'yes', /expected true or false.*write true, without quotes/],
    [boolean, 'off', /write false/],
    [boolean, 'maybe', /expected true or false, found the text "maybe"$/],
    [boolean, 1, /found the number 1/],
    [integer, '1', /expected a whole number, found the text "1"/],
    [integer, 1.5, /whole number/],
    [integer, 10, /at most 9/],
    [integer, -1, /at least 0/],
    [string, 'ABC', /does not match \[a-z\]\+/],
    [string, 'abc1', /does not match/],
    [{ type: 'string', pattern: '[a-z]', expects: 'a letter', help: 'h' }, '1', /^expected a letter, found "1"$/],
    [string, 17, /expected text, found the number 17.*write '17', with quotes/],
    [string, null, /found nothing/],
    [string, ['a'], /found a list/],
    [string, 'a\0', /NUL/],
    [choice, 'systemdd', /"systemdd" is not one of systemd, sysv.*did you mean "systemd"/],
    [choice, 3, /the number 3 is not one of/],
    [list, '22', /expected a list, found the text "22".*write \[22\]/],
    [list, [22], /^0: expected text/],
    [list, ['1', 'x'], /^1: "x" does not match/],
    [{ type: 'list', item: '[0-9]', expects: 'a digit', help: 'h' }, ['1', 'x'], /^1: expected a digit, found "x"$/],
    [{ type: 'list', help: 'h' }, ['a\nb'], /single line/],
    [size, '12 parsecs', /is not a size/],
    [timezone, 'Europe/Berln', /^there is no time zone "Europe\/Berln" did you mean "Europe\/Berlin"\?$/],
    [timezone, 'us/eastern', /did you mean "US\/Eastern"/],
    [timezone, 'America/New York', /did you mean "America\/New_York"/],
    [timezone, 'Salta', /did you mean "America\/Argentina\/Salta"/],
    [timezone, '+01:00', /such as UTC or Europe\/Berlin/],
    [timezone, '../etc/shadow', /no time zone/],
    [size, '101%', /is not a size/],
    [size, -1, /expected a size/],
    [records, {}, /expected a list of mappings, found a mapping/],
    [records, ['x'], /^0: expected a mapping with name, uris/],
    [records, [{}], /^0: missing field "name"/],
    [records, [{ name: 'x', uri: [] }], /^0.uri: unknown field "uri".*did you mean "uris"/],
    [records, [{ name: 'x', uris: [1] }], /^0.uris.0: expected text/],
    [records, [{ name: 'x', n: 6 }], /^0.n: must be at most 5/],
  ])('%j refuses %j', (declaration, raw, message) => {
    const checked = checkValue(declaration, raw);
    const faults = checked.ok ? [] : checked.faults;
    const texts = faults.map(({ path, message, hint }) =>
      `${path.length > 0 ? `${path.join('.')}: ` : ''}${message} ${hint ?? ''}`.trim(),
    );
    expect(texts).toEqual([expect.stringMatching(message)]);
  });

  it('takes all time zones that Node knows', () => {
    const refused = Intl.supportedValuesOf('timeZone').filter((zone) => !checkValue(timezone, zone).ok);
    expect(refused).toEqual([]);
  });

  it('tells all that is wrong in a list', () => {
    const checked = checkValue(list, ['a', '1', 'b']);
    expect(checked.ok ? [] : checked.faults.map(({ path }) => path)).toEqual([[0], [2]]);
  });
});

describe('parseText', () => {
  it.each<[PlainDeclaration, string, unknown]>([
    [boolean, 'true', true],
    [boolean, 'false', false],
    [integer, '7', 7],
    [string, 'abc', 'abc'],
    [choice, 'sysv', 'sysv'],
    [size, '1G', '1G'],
    [list, '1,22, 333', ['1', '22', '333']],
    [list, '1\n2\n', ['1', '2']],
    [list, '', []],
    [list, '["1","2"]', ['1', '2']],
    [records, '[{"name":"x"}]', [{ name: 'x', uris: [], on: 'false', n: '', kind: 'a' }]],
  ])('%j reads %j', (declaration, text, value) => {
    expect(parseText(declaration, text)).toEqual({ ok: true, value });
  });

  it.each<[PlainDeclaration, string]>([
    [boolean, 'yes'],
    [integer, '7x'],
    [integer, ''],
    [string, 'ABC'],
    [list, '1,b'],
    [list, '[1'],
    [records, 'name=x'],
  ])('%j refuses %j', (declaration, text) => {
    expect(parseText(declaration, text).ok).toBe(false);
  });
});

describe('the environment of hooks', () => {
  it.each([
    ['hostname', 'OPT_HOSTNAME'],
    ['login.user', 'OPT_LOGIN_USER'],
    ['login.authorizedKeys', 'OPT_LOGIN_AUTHORIZED_KEYS'],
    ['tmpfs.varTmpSize', 'OPT_TMPFS_VAR_TMP_SIZE'],
    ['net.ipv6.on-link', 'OPT_NET_IPV6_ON_LINK'],
    ['useHTTPProxy', 'OPT_USE_HTTP_PROXY'],
  ])('names the variable of %s %s', (name, variable) => {
    expect(optionEnvName(name)).toBe(variable);
  });

  it('writes lists one item a line and records one document a line', () => {
    expect(optionEnvValue(true)).toBe('true');
    expect(optionEnvValue(3)).toBe('3');
    expect(optionEnvValue('a b')).toBe('a b');
    expect(optionEnvValue(['a', 'b c'])).toBe('a\nb c');
    expect(optionEnvValue([])).toBe('');
    expect(optionEnvValue([{ name: 'x', uris: ['u'] }, { name: 'y' }])).toBe('{"name":"x","uris":["u"]}\n{"name":"y"}');
  });

  it('gives names that a shell takes', () => {
    fc.assert(
      fc.property(fc.stringMatching(OPTION_NAME), (name) => {
        expect(optionEnvName(name)).toMatch(/^OPT_[A-Z0-9_]+$/);
      }),
    );
  });
});

describe('declarations', () => {
  it.each<[unknown, RegExp]>([
    [{ type: 'bool', default: true, help: 'h' }, /type must be one of boolean.*did you mean "boolean"/],
    [{ default: true, help: 'h' }, /type is missing/],
    [{ type: 'boolean', help: 'h' }, /default/],
    [{ type: 'enum', values: ['a'], default: 'b', help: 'h' }, /"b" is not one of a/],
    [{ type: 'integer', default: 5, max: 4, help: 'h' }, /at most 4/],
    [{ type: 'string', pattern: '(', help: 'h' }, /regular expression/],
    [{ type: 'list', default: ['x'], item: '[0-9]', help: 'h' }, /does not match/],
    [{ type: 'size', default: 'big', help: 'h' }, /is not a size/],
    [{ type: 'secret', default: 'x', help: 'h' }, /default/],
    [{ type: 'boolean', default: true, help: '' }, /sentence/],
    [{ type: 'boolean', default: true, help: 'h', acumulate: true }, /acumulate/],
  ])('%j is refused', (declaration, message) => {
    const parsed = OptionDeclaration().safeParse(declaration);
    const issues = parsed.error?.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`) ?? [];
    expect(issues).toEqual([expect.stringMatching(message)]);
  });

  it('of imgbuild itself are as good as those of collections', () => {
    for (const [name, declaration] of Object.entries(CORE_OPTIONS)) {
      expect(name).toMatch(OPTION_NAME);
      const parsed = OptionDeclaration().safeParse(declaration);
      expect(parsed.error?.issues).toBeUndefined();
      if (parsed.data === undefined || parsed.data.type === 'secret') continue;
      expect(checkValue(parsed.data, defaultValue(parsed.data))).toMatchObject({ ok: true });
    }
  });
});
