import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUILT, machine, step, tableOf, uuidOf, type Machine } from '../support/firstboot.js';
import { addFiles } from '../support/tree.js';

/** Writes down how it was called. */
const NOTING = '#!/bin/sh\necho "${0##*/} $*" >>"$MACHINE/calls-noted"\n';

/** A machine whose last partition is the member of an array that udev has begun to put together. */
function arrayMachine(more: { state?: string; renew?: boolean; grow?: boolean; copy?: boolean } = {}): Machine {
  const made = machine(more.copy === true ? { copy: true } : {});
  const conf = `RENEW=${String(more.renew ?? true)}\nGROW=${String(more.grow ?? true)}\nROOT_ID=${BUILT.rootPart}\nOUTER=${BUILT.root}\nIDENTITIES=""\n`;
  writeFileSync(path.join(made.directory, 'conf'), conf);
  const holder = 'sys/devices/vda/vda3/holders/md127';
  addFiles(made.directory, {
    'bin/mdadm': { program: NOTING },
    'bin/partx': { program: NOTING },
    [`${holder}/md/array_state`]: `${more.state ?? 'inactive'}\n`,
    [`${holder}/size`]: '1234\n',
  });
  return made;
}

/** What was called since the last question, with the machine's directory left out. */
function noted({ directory }: Machine): string[] {
  const file = path.join(directory, 'calls-noted');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  writeFileSync(file, '');
  return lines.filter((line) => line !== '').map((line) => line.replaceAll(directory, ''));
}

async function enlarge(made: Machine): Promise<string> {
  const { code, stdout, stderr } = await step(made, 'enlarge');
  expect(code, stdout + stderr).toBe(0);
  return stdout;
}

describe('the first boot of a machine with layers', () => {
  it('starts the array alone and gives it all of the disk, with new identities in the table only', async () => {
    const made = arrayMachine();
    await enlarge(made);
    expect(noted(made)).toEqual([
      'partx --update /dev/vda',
      'mdadm --run /dev/md127',
      'mdadm --grow /dev/md127 --size=max',
    ]);
    const table = tableOf(made, 'vda');
    expect(table).toMatch(/vda3 : start= +8192, size= +7168[0-9], /);
    expect(table).not.toMatch(new RegExp(`${BUILT.disk}|${BUILT.rootPart}`, 'i'));
    expect([uuidOf(made, 'vda3'), uuidOf(made, 'vda1')]).toEqual([BUILT.root, BUILT.esp]);
  });

  it('changes nothing more when it runs again', async () => {
    const made = arrayMachine();
    await enlarge(made);
    const table = tableOf(made, 'vda');
    noted(made);
    writeFileSync(path.join(made.directory, 'sys/devices/vda/vda3/holders/md127/md/array_state'), 'read-auto\n');
    await enlarge(made);
    expect(tableOf(made, 'vda')).toBe(table);
    expect(noted(made)).toEqual([
      'partx --update /dev/vda',
      'mdadm --readwrite /dev/md127',
      'mdadm --grow /dev/md127 --size=max',
    ]);
  });

  it('keeps identities, or sizes, when it is told to', async () => {
    const same = arrayMachine({ renew: false, state: 'clean' });
    await enlarge(same);
    expect(tableOf(same, 'vda')).toMatch(new RegExp(`label-id: ${BUILT.disk}`, 'i'));
    expect(tableOf(same, 'vda')).toMatch(/vda3 : start= +8192, size= +7168[0-9], /);
    expect(noted(same)).toEqual(['partx --update /dev/vda', 'mdadm --grow /dev/md127 --size=max']);

    const small = arrayMachine({ grow: false });
    await enlarge(small);
    expect(tableOf(small, 'vda')).toMatch(/vda3 : start= +8192, size= +16384, /);
    expect(noted(small)).toEqual([]);
  });

  it('leaves everything alone when two disks have what it looks for', async () => {
    const made = arrayMachine({ copy: true });
    const before = tableOf(made, 'vda');
    expect(await enlarge(made)).toContain('2 devices have');
    expect(tableOf(made, 'vda')).toBe(before);
    expect(noted(made)).toEqual([]);
  });
});
