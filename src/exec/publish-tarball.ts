import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import type { Context } from './context.js';
import type { Artefact } from './formats/types.js';
import { framePath } from './compressor.js';
import type { FrameList } from './frames.js';
import { ROOTFS, TARBALL } from './names.js';

/** The root filesystem as a tarball: the frames of the cache in a row, which are one zstd stream. */
export function tarball(context: Context, list: FrameList): Artefact {
  const { cacheDir } = context.settings;
  return {
    bytes: list.frames.reduce((sum, name) => sum + statSync(framePath(cacheDir, name)).size, 0),
    write: (files) => {
      const file = files.newFile(ROOTFS, TARBALL);
      files.hashed(
        file,
        concatenate(
          list.frames.map((name) => framePath(cacheDir, name)),
          file.fd,
        ),
      );
      return Promise.resolve();
    },
  };
}

/** Appends files to an open one; returns the SHA-256 of them all. */
function concatenate(paths: readonly string[], out: number): string {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(1 << 20);
  for (const path of paths) {
    const fd = openSync(path, 'r');
    try {
      for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) {
        const part = buffer.subarray(0, n);
        hash.update(part);
        for (let at = 0; at < n;) at += writeSync(out, part, at);
      }
    } finally {
      closeSync(fd);
    }
  }
  return hash.digest('hex');
}
