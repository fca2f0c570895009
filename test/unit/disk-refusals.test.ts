import { describe, expect, it } from 'vitest';
import { PROFILE, problemsOf } from '../support/config.js';
import { REFUSED } from '../support/refused-layouts.js';

/** All that is said about a layout, without the file's name. */
function saidOf(text: string): string[] {
  const tree = text.startsWith('disk:') ? text : `disk: { partitions: [${text}] }`;
  const profile = `${PROFILE}options: { disk.firmware: uefi }\n${tree.replace(/, (?=\{ name: )/g, ',\n  ')}\n`;
  return problemsOf({ 'user/profiles/p.yaml': profile }).map((line) => line.replace('profiles/p.yaml:', ''));
}

describe('a layout that cannot be', () => {
  it('is one of many', () => {
    expect(new Set(REFUSED.map(([name]) => name)).size).toBe(REFUSED.length);
    expect(REFUSED.length).toBeGreaterThan(100);
  });

  it.each(REFUSED)('is refused with its place and a hint: %s', (_, text) => {
    const said = saidOf(text);
    expect(said.length).toBeGreaterThan(0);
    for (const line of said) expect(line).toMatch(/^[5-9]\d*:\d+: disk|^1\d+:\d+: disk/);
    expect(said.join('\n')).toMatchSnapshot();
  });
});
