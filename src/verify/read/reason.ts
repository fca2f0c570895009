import { CommandError, EXIT, UserError } from '../../errors.js';

/**
 * Why an image, or a part of it, cannot be read: in one line. Errors that are not the image's fault are thrown again.
 *
 * @throws UserError (exit 3) when there was no room to unpack it.
 */
export function reasonOf(error: unknown, signal: AbortSignal): string {
  signal.throwIfAborted();
  if (error instanceof UserError && error.exitCode !== EXIT.environment) return error.message;
  if (!(error instanceof CommandError)) throw error;
  if (/No space left on device/i.test(error.tail)) {
    throw new UserError('there is not enough room to unpack the disk', {
      exitCode: EXIT.environment,
      hint: 'free some memory, or put IMGBUILD_CACHE_DIR where there is room',
      cause: error,
    });
  }
  const said = error.tail.trim().split('\n').at(-1) ?? '';
  return said === '' ? error.message : `${error.message}: ${said}`;
}
