/** Connects this process's terminal with a stream of a container; returns what undoes it. */
export function attachTerminal(
  stream: NodeJS.ReadWriteStream,
  resize: (rows: number, columns: number) => Promise<void>,
): () => void {
  const { stdin, stdout } = process;
  const fit = (): void => {
    // Fails before the start and after the end; the next change of size comes through.
    resize(stdout.rows, stdout.columns).catch(() => undefined);
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.pipe(stream);
  stream.pipe(stdout, { end: false });
  stdout.on('resize', fit);
  // Once the container runs; nothing tells when that is but its first output.
  stream.once('data', fit);
  return () => {
    stdout.off('resize', fit);
    stdin.unpipe(stream);
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
  };
}
