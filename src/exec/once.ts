import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { join } from 'node:path';
import { digestOf } from '../digest.js';
import { giveToOwnerOf, type Context } from './context.js';

/** By what hooks find again what earlier builds have made of the same tree. */
export interface Memo {
  /** Of the cache, with a file for each result. */
  readonly directory: string;
  /** Stands for the tree before the hooks ran. */
  readonly key: string;
  /** A file; whatever was changed later than it, hooks have changed. */
  readonly marker: string;
}

/** A clock tick of the slowest kernels (HZ=100), in milliseconds: times of change of files are no finer. */
const TICK = 10;

/**
 * Marks the moment from which on changes of the tree are those of hooks.
 *
 * @param tree what identifies the tree as it is now, and the secrets that hooks may write into it: names in the cache must
 * not be a way to test guesses of them.
 */
export async function openMemo(
  context: Pick<Context, 'work' | 'settings'>,
  tree: { readonly key: string; readonly tag: string },
): Promise<Memo> {
  const directory = join(context.settings.cacheDir, 'memo');
  mkdirSync(directory, { recursive: true });
  giveToOwnerOf(context.settings.cacheDir, directory);
  const marker = join(context.work, 'before-hooks');
  writeFileSync(marker, '');
  // So that nothing from before is of the marker's tick, and nothing from now on of an earlier one.
  await setTimeout(3 * TICK);
  const moment = (Date.now() - 1.5 * TICK) / 1000;
  utimesSync(marker, moment, moment);
  return { directory, key: digestOf(tree), marker };
}

/**
 * The function `once` of hooks, for bash. An environment that says nothing of a memo makes it run the program.
 *
 * What a program reads is compared by content where the phase has changed it, which the time of change (ctime) tells: no
 * program can set it. mtime cannot be trusted, since overlays and unpacking set it.
 */
export const ONCE = `
once() {
  local makes=$1 reads=$2 unread="proc sys dev run tmp $3" memo path
  shift 3
  if [ -z "\${MEMO:-}" ]; then "$@"; return; fi
  memo=$({ printf '%s\\n' "$MEMO_KEY" "$SOURCE_DATE_EPOCH" "$makes" "$reads" "$unread" "$@"; once_changes; } | sha256sum)
  memo=$MEMO/\${memo%% *}.tar.zst
  # zstd's checksum tells a file that a crash has cut.
  if [ -f "$memo" ] && zstd -q -t "$memo" 2>/dev/null; then
    say "an earlier build has made $makes of the same files"
    touch "$memo"
    zstd -q -d -c "$memo" | tar -C "$ROOT" --numeric-owner --preserve-permissions --extract
    return
  fi
  "$@"
  set --
  # Patterns are those of the image; a path that was not made is none of its files.
  for path in $(cd "$ROOT" && printf '%s\\n' $makes); do [ ! -e "$ROOT/$path" ] || set -- "$@" "$path"; done
  path=$(mktemp "$memo.XXXXXX.partial")
  tar -C "$ROOT" --numeric-owner --create "$@" | zstd -q -1 >"$path"
  # To whoever the cache belongs to, where that is somebody inside of the builder.
  chown --reference="$MEMO" "$path" 2>/dev/null || :
  chmod 644 "$path"
  mv -f "$path" "$memo"
}
once_changes() (
  cd "$ROOT"
  set --
  for path in $reads; do [ ! -e "$path" ] || set -- "$@" "$path"; done
  [ $# -gt 0 ] || return 0
  skip=(-false)
  for path in $makes $unread; do skip+=(-o -path "$path" -o -path "./$path"); done
  set -- "$@" -xdev \\( "\${skip[@]}" \\) -prune -o -cnewer "$MEMO_MARKER"
  export LC_ALL=C
  find "$@" -printf '%y %m %U:%G %p %l\\n' | sort
  # A name that is gone can be seen in its directory only.
  find "$@" -type d -print0 | sort -z | xargs -0 -r ls -A
  find "$@" -type f -print0 | sort -z | xargs -0 -r sha256sum
)
`;
