import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DOMParser, onErrorStopParsing } from '@xmldom/xmldom';
import { drawSvg } from '../../src/disk/draw-svg.js';
import { drawDisk } from '../../src/disk/draw.js';
import { planDisks } from '../../src/disk/plan.js';
import { leavesOf } from '../../src/disk/walk.js';
import { formatBytes } from '../../src/units.js';
import { MIB } from '../support/disk-plans.js';
import { filesystem, storages, swap, uefi } from '../support/disk-layouts.js';

describe('the picture of a disk', () => {
  it('is to scale, with a row for each layer', () => {
    const [disk] = planDisks(
      uefi([
        { name: 'swap', type: 'swap', size: 512 * MIB, content: swap },
        {
          name: 'system',
          type: 'lvm',
          size: 1500 * MIB,
          content: {
            type: 'lvm',
            name: 'vg0',
            volumes: [
              { name: 'root', size: 1000 * MIB, content: filesystem('ext4', '/') },
              { name: 'log', size: 'rest', content: filesystem('ext4', '/var/log') },
            ],
          },
        },
      ]),
      'seed',
    );
    if (disk === undefined) throw new Error('no disk');
    const ids = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{4}-[0-9A-F]{4}/g;
    expect(drawDisk(disk, 60).replaceAll(ids, '#')).toBe(
      `rootfs: GPT, 2.1 GiB, #
┌─────┬─────────────┬──────────────────────────────────────┐
│esp  │swap         │system                                │
├─────┼─────────────┼──────────────────────────────────────┤
│vfat │swap         │lvm vg0                               │
└─────┴─────────────┼───────────────────────┬──────────────┤
                    │root                   │log           │
                    ├───────────────────────┼──────────────┤
                    │ext4 /                 │ext4 /var/log │
                    └───────────────────────┴──────────────┘
 1  esp: 100.0 MiB from 1 MiB, type esp, #
    vfat /boot/efi: 100.0 MiB, #
 2  swap: 512.0 MiB from 101 MiB, type swap, #
    swap: 512.0 MiB, #
 3  system: 1.5 GiB from 613 MiB, type lvm, #
    lvm vg0: 1.5 GiB
      root: 1000.0 MiB
        ext4 /: 1000.0 MiB, #
      log: 496.0 MiB
        ext4 /var/log: 496.0 MiB, #`,
    );
  });

  it('is as wide as told, or as it must be, and closed on all sides', () => {
    fc.assert(
      fc.property(storages, fc.integer({ min: 20, max: 200 }), (storage, width) => {
        for (const disk of planDisks(storage, 'seed')) {
          const [, top = '', ...rest] = drawDisk(disk, width).split('\n');
          const picture = rest.filter((line) => /[│└├]/.test(line));
          expect(top).toMatch(/^┌[─┬]*┐$/);
          if (top.length !== width) expect(top.length).toBeGreaterThan(width);
          for (const line of picture) expect(line.length).toBeLessThanOrEqual(top.length);
          for (const { name } of disk.partitions) expect(picture[0]).toContain(`│${name.slice(0, 3)}`);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('the picture as SVG', () => {
  it('is well-formed, to scale, and shows every part of every disk', () => {
    fc.assert(
      fc.property(storages, (storage) => {
        const disks = planDisks(storage, 'seed');
        const svg = drawSvg(disks);
        const document = new DOMParser({ onError: onErrorStopParsing }).parseFromString(svg, 'text/xml');
        const groups = [...document.getElementsByTagName('g')].map((group) => {
          const [rect] = group.getElementsByTagName('rect');
          const number = (name: string): number => Number(rect?.getAttribute(name));
          const title = group.getElementsByTagName('title')[0]?.textContent ?? '';
          return { title, x: number('x'), y: number('y'), width: number('width') };
        });
        for (const leaf of leavesOf(disks)) {
          const text = leaf.data.type === 'swap' ? 'swap' : `${leaf.data.format} ${leaf.data.mountpoint}`;
          expect(groups.map(({ title }) => title)).toContain(`${text}: ${formatBytes(leaf.data.bytes)}`);
        }
        // In a row, what is twice as large is not narrower.
        const [disk] = disks;
        const first = groups.slice(0, 1).flatMap(({ y }) => groups.filter((group) => group.y === y));
        disk?.partitions.forEach(({ bytes }, n) => {
          disk.partitions.forEach((other, m) => {
            const least = [n, m].map(
              (index) => leavesOf([{ ...disk, partitions: disk.partitions.slice(index, index + 1) }]).length,
            );
            if (bytes >= other.bytes && (least[0] ?? 0) >= (least[1] ?? 0)) {
              expect(first[n]?.width).toBeGreaterThanOrEqual((first[m]?.width ?? 0) - 1);
            }
          });
        });
      }),
      { numRuns: 30 },
    );
  });

  it('writes names as XML wants them', () => {
    const [disk] = planDisks(uefi([{ name: 'a<b>&"c"', type: 'swap', size: 512 * MIB, content: swap }]), 'seed');
    expect(drawSvg(disk === undefined ? [] : [disk])).toContain(
      '<title>a&lt;b&gt;&amp;&quot;c&quot;: 512.0 MiB</title>',
    );
  });
});
