import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ovftoolMounts } from '../../src/commands/ovftool.js';
import { askOvftool } from '../../src/verify/read/ovftool.js';

const dir = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** Something that talks as ovftool does; the real one may not be had without a login. */
function tool(name: string, script: string): string {
  const file = path.join(dir, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}
const ask = (file: string) => askOvftool('/images/web 1.ova', new AbortController().signal, file);

describe('ovftool', () => {
  it('is asked about the file, and only its complaints are told', async () => {
    const says = `[ "$1 $2" = "--schemaValidate /images/web 1.ova" ] || exit 9
echo "OVF version:   1.0"
echo "Error: OVF Package is not valid" >&2
echo "Warning: No manifest entry found for: 'x.vmdk'."
echo "Completed with errors"
exit 1`;
    expect(await ask(tool('bad', says))).toEqual([
      'Error: OVF Package is not valid',
      "Warning: No manifest entry found for: 'x.vmdk'.",
    ]);
    expect(await ask(tool('good', 'echo "OVF version:   1.0"'))).toEqual([]);
    expect(await ask(tool('broken', 'exit 127'))).toEqual(['it ended with exit status 127']);
  });

  it('comes with what lies beside it, and not at all where there is none', () => {
    const home = path.join(dir, 'vmware');
    const bin = path.join(dir, 'bin');
    for (const directory of [home, bin]) mkdirSync(directory);
    writeFileSync(path.join(home, 'ovftool'), '', { mode: 0o755 });
    symlinkSync('../vmware/ovftool', path.join(bin, 'ovftool'));
    expect(ovftoolMounts({ PATH: `/nonexistent:${bin}` })).toEqual([
      { source: home, target: '/opt/ovftool', readonly: true },
    ]);
    expect(ovftoolMounts({ PATH: '/nonexistent' })).toEqual([]);
  });
});
