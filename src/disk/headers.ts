import { lvmHeader } from './lvm2.js';
import { mdSuperblock } from './md.js';
import type { DiskPlan, LayerPlan } from './types.js';

/** Bytes that belong at a place on a disk. */
export interface DiskWrite {
  /** From the start of the disk. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * What is written for the layers that have no tool which takes files: volume groups and arrays, at any depth.
 *
 * Headers within an encrypted layer are plain here, so these are to be written before it is encrypted.
 */
export function layerHeaders(disk: DiskPlan, epoch: number): DiskWrite[] {
  return disk.partitions.flatMap(({ content }) => (content === undefined ? [] : headersIn(content, epoch)));
}

function headersIn(layer: LayerPlan, epoch: number): DiskWrite[] {
  switch (layer.type) {
    case 'filesystem':
    case 'swap':
      return [];
    case 'raid1':
      return [{ offset: layer.start, bytes: mdSuperblock(layer, epoch) }, ...headersIn(layer.content, epoch)];
    case 'luks':
      return headersIn(layer.content, epoch);
    case 'lvm':
      return [{ offset: layer.start, bytes: lvmHeader(layer, epoch) }];
  }
}
