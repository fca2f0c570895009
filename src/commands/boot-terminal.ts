import { PassThrough, type Readable } from 'node:stream';

/** Ctrl-], as telnet and virsh have it: no shell or editor uses it. */
const ESCAPE = 0x1d;

/** What goes on to the machine, and whether the key came that ends it. */
export function untilEscape(typed: Buffer): { readonly pass: Buffer; readonly escaped: boolean } {
  const at = typed.indexOf(ESCAPE);
  return at < 0 ? { pass: typed, escaped: false } : { pass: typed.subarray(0, at), escaped: true };
}

/** The keyboard of this process for a machine, key by key; Ctrl-C is the machine's, too. */
export interface Keyboard {
  readonly input: Readable;
  /** Aborted by the key that ends the machine. */
  readonly escape: AbortSignal;
  /** Gives the terminal back. */
  readonly release: () => void;
}

/** Takes the keyboard. Where standard input is no terminal it is passed on as it is, and its end means nothing. */
export function takeKeyboard(): Keyboard {
  const { stdin } = process;
  const escape = new AbortController();
  const input = new PassThrough();
  const onData = (typed: Buffer): void => {
    const { pass, escaped } = stdin.isTTY ? untilEscape(typed) : { pass: typed, escaped: false };
    if (pass.length > 0) input.write(pass);
    if (escaped) escape.abort();
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', onData);
  return {
    input,
    escape: escape.signal,
    release: () => {
      stdin.off('data', onData);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
