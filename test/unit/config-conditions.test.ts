import { describe, expect, it } from 'vitest';
import { evaluate, parseTerm } from '../../src/config/conditions.js';
import type { OptionValue } from '../../src/config/types.js';

describe('parseTerm', () => {
  it.each([
    ['sshd.enable', { name: 'sshd.enable', negated: false, values: undefined }],
    ['!x', { name: 'x', negated: true, values: undefined }],
    [' ! x ', { name: 'x', negated: true, values: undefined }],
    ['suite=bookworm|trixie', { name: 'suite', negated: false, values: ['bookworm', 'trixie'] }],
    ['!x.y = a | b', { name: 'x.y', negated: true, values: ['a', 'b'] }],
    ['x=', { name: 'x', negated: false, values: [''] }],
    ['a.url=https://h/?q=1', { name: 'a.url', negated: false, values: ['https://h/?q=1'] }],
  ])('reads %j', (text, term) => {
    expect(parseTerm(text)).toEqual(term);
  });

  it.each(['', '!', '=a', 'a b', 'x!=a', 'x>1', '!!x'])('refuses %j', (text) => {
    expect(parseTerm(text)).toBeUndefined();
  });
});

describe('evaluate', () => {
  const values: Readonly<Record<string, OptionValue>> = {
    on: true,
    off: false,
    zero: 0,
    five: 5,
    empty: '',
    text: 'a',
    none: [],
    list: ['a', 'b'],
    records: [{ name: 'x' }],
    suite: 'bookworm',
  };

  it.each([
    ['on', true],
    ['off', false],
    ['zero', false],
    ['five', true],
    ['empty', false],
    ['text', true],
    ['none', false],
    ['list', true],
    ['records', true],
    ['unknown', false],
    ['!unknown', true],
    ['unknown=a', false],
    ['!unknown=a', true],
    ['!off', true],
    ['on=true', true],
    ['off=true|false', true],
    ['five=5', true],
    ['text=b|a', true],
    ['!text=b', true],
    ['empty=', true],
    ['list=b', true],
    ['list=c', false],
    ['suite=bookworm|trixie', true],
    ['!suite=bookworm', false],
  ])('%s is %s', (text, expected) => {
    const term = parseTerm(text);
    expect(term).toBeDefined();
    expect(evaluate(term === undefined ? [] : [term], (name) => values[name])).toBe(expected);
  });

  it('wants all terms to hold, and none is enough', () => {
    const terms = ['on', '!off'].flatMap((text) => parseTerm(text) ?? []);
    expect(evaluate(terms, (name) => values[name])).toBe(true);
    expect(evaluate([...terms, { name: 'zero', negated: false, values: undefined }], (name) => values[name])).toBe(
      false,
    );
    expect(evaluate([], () => undefined)).toBe(true);
  });
});
