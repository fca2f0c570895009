import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKOUT } from '../support/cli.js';

/** What the page says of each thing: its number, and tests by file and title. */
const rows = readFileSync(path.join(CHECKOUT, 'docs/parity.md'), 'utf8')
  .split(/^(?=\d+\. )/m)
  .slice(1)
  .map((text) => ({
    number: Number(/^\d+/.exec(text)?.[0]),
    name: /\*\*(.*)\.\*\*/.exec(text)?.[1] ?? '',
    tests: [...text.matchAll(/^ +- `([a-z]+\/[\w.-]+\.test\.ts)`: (.+)$/gm)].map(([, file = '', title = '']) => ({
      file: path.join(CHECKOUT, 'test', file),
      title,
    })),
  }));

/** Left out on purpose: settings of editors. */
const WITHOUT_TEST = [43];

describe('what the predecessor does', () => {
  it('is told in 50 rows', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  });

  it.each(rows)('row $number, $name, is shown by tests that there are', ({ number, tests }) => {
    if (!WITHOUT_TEST.includes(number)) expect(tests).not.toEqual([]);
    for (const { file, title } of tests) {
      expect(existsSync(file), file).toBe(true);
      const text = readFileSync(file, 'utf8');
      const found = ["'", '"', '`'].some((quote) => text.includes(`(${quote}${title}${quote},`));
      expect(found, `${file}: ${title}`).toBe(true);
    }
  });
});
