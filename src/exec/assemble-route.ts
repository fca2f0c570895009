import { UserError } from '../errors.js';
import type { Kept } from './assemble-boot.js';
import { isBelow } from '../disk/walk.js';
import {
  absolute,
  BLOCK,
  directoryHeader,
  isExtended,
  padded,
  readMember,
  readRecords,
  renamed,
  type Member,
} from './assemble-tar.js';

/** What goes into one file system. */
export interface Load {
  readonly mountpoint: string;
  /** Members, directories included. */
  entries: number;
  /** Content in blocks of 4 KiB. */
  bytes: number;
  /** Extended attributes by name that stand in the tar. */
  readonly attributes: Set<string>;
}

interface State {
  /** The file system that the content at hand goes to, and how much of it is still to come. */
  target: number;
  content: number;
  /** Where the content at hand goes as well. */
  kept: Kept | undefined;
  /** As much of the next header as has come. */
  header: Buffer;
  /** An extended header with its data as far as it has come, until its member shows where it belongs. */
  extended: { readonly header: Buffer; readonly bytes: number; data: Buffer } | undefined;
  ended: boolean;
}

/** Takes pieces of the tar of one file system, by its index, and is done with them when its promise ends. */
export type Deliver = (index: number, pieces: readonly Buffer[]) => Promise<void>;

const FS_BLOCK = 4096;

/** Records that pax tars keep extended attributes in: GNU tar, libarchive. */
const ATTRIBUTE = /^(?:SCHILY\.xattr|LIBARCHIVE\.xattr)\./;

/**
 * Deals the members of a tar out to the file systems that hold them, in one pass: each gets a tar of its own, with paths
 * from its mountpoint on. What belongs to `/` passes unchanged, in as large pieces as it comes.
 *
 * A mountpoint is in both: as an empty directory outside, as the root inside. Where the tree has none, it is made.
 *
 * @param stream of which a piece stays as it is until the next but one is asked for.
 * @param mountpoints outer ones first, beginning with `/`.
 * @param files by path, which are filled as they come by.
 */
export async function routeTar(
  stream: AsyncIterable<Buffer>,
  mountpoints: readonly string[],
  epoch: number,
  deliver: Deliver,
  files: ReadonlyMap<string, Kept> = new Map(),
): Promise<Load[]> {
  const loads = mountpoints.map((mountpoint): Load => ({ mountpoint, entries: 0, bytes: 0, attributes: new Set() }));
  const holder = (path: string): number => mountpoints.findLastIndex((mountpoint) => isBelow(path, mountpoint));
  const wanted = new Set(mountpoints.slice(1).flatMap(ancestors));
  const seen = new Set<string>();

  /** What goes to each file system next. */
  const batches = mountpoints.map((): Buffer[] => []);
  const state: State = {
    target: 0,
    content: 0,
    kept: undefined,
    header: Buffer.alloc(0),
    extended: undefined,
    ended: false,
  };

  const add = (index: number, data: Buffer): void => {
    const batch = batches[index];
    if (batch !== undefined && data.length > 0) append(batch, data);
  };
  /** What is on its way while the next piece of the tar is looked at. */
  let delivering: Promise<unknown> = Promise.resolve();
  const flush = async (): Promise<void> => {
    await delivering;
    delivering = Promise.all(
      batches.map(async (batch, index) => {
        if (batch.length > 0) await deliver(index, batch.splice(0));
      }),
    );
    // Awaited in the next turn.
    delivering.catch(() => undefined);
  };
  const give = (index: number, member: Member, original: readonly Buffer[], link: string): void => {
    if (index === 0) for (const piece of original) add(0, piece);
    else add(index, renamed(member, inside(member.path, mountpoints[index] ?? '/'), link));
  };
  /** Passes on a member's headers; its content goes the same way. */
  const begin = (member: Member, original: readonly Buffer[]): void => {
    const { path, type } = member;
    state.target = holder(path);
    if (wanted.has(path)) {
      seen.add(path);
      if (type !== '5') throw notDirectory(path);
      // The empty directory on which the file system will be mounted.
      if (path !== '/' && path === mountpoints[state.target]) give(holder(parent(path)), member, original, '');
    }
    count(loads[state.target], member);
    give(state.target, member, original, linkInside(member, holder, state.target, mountpoints));
    state.content = padded(member.size);
    state.kept = files.get(path);
    if (state.kept !== undefined) state.kept.size = member.size;
  };
  /** Takes a whole header, extended or not. */
  const takeHeader = (block: Buffer): void => {
    state.header = Buffer.alloc(0);
    if (block.every((byte) => byte === 0)) {
      state.ended = true;
    } else if (isExtended(block)) {
      state.extended = { header: block, bytes: readMember(block, new Map()).size, data: Buffer.alloc(0) };
    } else if (state.extended === undefined) {
      begin(readMember(block, new Map()), [block]);
    } else {
      const records = readRecords(state.extended.data.subarray(0, state.extended.bytes));
      begin(readMember(block, records), [state.extended.header, state.extended.data, block]);
      state.extended = undefined;
    }
  };

  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length && !state.ended;) {
      const left = state.extended === undefined ? 0 : padded(state.extended.bytes) - state.extended.data.length;
      const wants = state.content > 0 ? state.content : left > 0 ? left : BLOCK - state.header.length;
      const piece = chunk.subarray(at, at + wants);
      at += piece.length;
      if (state.content > 0) {
        add(state.target, piece);
        // The stream may use its memory again.
        state.kept?.pieces.push(Buffer.from(piece));
        state.content -= piece.length;
      } else if (state.extended !== undefined && left > 0) {
        state.extended.data = joined(state.extended.data, piece);
      } else {
        state.header = joined(state.header, piece);
        if (state.header.length === BLOCK) takeHeader(state.header);
      }
    }
    await flush();
  }
  if (!state.ended) throw new Error('the tar ends in the middle');
  const missing = [...wanted].filter((path) => !seen.has(path)).sort();
  for (const path of missing) {
    const index = holder(parent(path));
    add(index, directoryHeader(inside(path, mountpoints[index] ?? '/'), epoch));
  }
  for (const index of mountpoints.keys()) add(index, Buffer.alloc(2 * BLOCK));
  await flush();
  await delivering;
  return loads;
}

/** Appends a piece; one that lies behind the last one in memory makes that longer, so that large runs stay whole. */
function append(batch: Buffer[], data: Buffer): void {
  const last = batch.at(-1);
  const follows = last?.buffer === data.buffer && last.byteOffset + last.length === data.byteOffset;
  if (!follows) batch.push(data);
  else batch[batch.length - 1] = Buffer.from(data.buffer, last.byteOffset, last.length + data.length);
}

function joined(first: Buffer, second: Buffer): Buffer {
  return first.length === 0 ? second : Buffer.concat([first, second]);
}

function count(load: Load | undefined, { size, type, records }: Member): void {
  if (load === undefined) return;
  load.entries += 1;
  load.bytes += type === '5' ? FS_BLOCK : Math.ceil(size / FS_BLOCK) * FS_BLOCK;
  for (const key of records.keys()) if (ATTRIBUTE.test(key)) load.attributes.add(key.replace(ATTRIBUTE, ''));
}

/** What a link says within its file system: a hard link's target moves along, a symbolic one is as it was. */
function linkInside(
  member: Member,
  holder: (path: string) => number,
  index: number,
  mountpoints: readonly string[],
): string {
  if (member.type !== '1') return member.link;
  const path = absolute(member.link);
  if (holder(path) !== index) {
    throw new UserError(`${member.path} and ${path} are one file and cannot lie in two file systems`, {
      hint: 'let a hook make one of them a copy, or give both directories one file system',
    });
  }
  return `.${inside(path, mountpoints[index] ?? '/')}`;
}

function inside(path: string, mountpoint: string): string {
  return mountpoint === '/' ? path : path.slice(mountpoint.length) || '/';
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** `/var/log/x` → `/var`, `/var/log`, `/var/log/x`. */
function ancestors(path: string): string[] {
  const parts = path.split('/').slice(1);
  return parts.map((_, n) => `/${parts.slice(0, n + 1).join('/')}`);
}

function notDirectory(path: string): UserError {
  return new UserError(`${path} is no directory in the image, and a file system is to be mounted below it`, {
    hint: 'name the directory itself as the mountpoint',
  });
}
