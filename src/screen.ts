/**
 * What the program says to people on standard error: lines that stay, and below them one live line that is
 * written over. Log and progress share a screen, so that neither writes into the other's line.
 */
export interface Screen {
  readonly isTerminal: boolean;
  readonly color: boolean;
  readonly width: () => number;
  /** Writes a line that stays. */
  readonly line: (text: string) => void;
  /** Replaces the live line; '' removes it. Does nothing where there is no terminal. */
  readonly live: (text: string) => void;
}

type Output = Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };

const ERASE_LINE = '\r\u001b[2K';

/** A screen on a stream; colours only on a terminal, and not when the environment says no. */
export function createScreen(output: Output, env: NodeJS.ProcessEnv, wanted: { readonly color: boolean }): Screen {
  const isTerminal = output.isTTY === true && env['TERM'] !== 'dumb';
  // https://no-color.org: any value but the empty one
  const color = isTerminal && wanted.color && (env['NO_COLOR'] ?? '') === '';
  let current = '';
  return {
    isTerminal,
    color,
    width: () => output.columns ?? 80,
    line: (text) => {
      output.write(current === '' ? `${text}\n` : `${ERASE_LINE}${text}\n${current}`);
    },
    live: (text) => {
      if (!isTerminal || text === current) return;
      output.write(`${current === '' ? '' : ERASE_LINE}${text}`);
      current = text;
    },
  };
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Text in a style, or as it is where there are no colours. */
export function styled(screen: Pick<Screen, 'color'>, style: keyof typeof STYLES, text: string): string {
  return screen.color ? `\u001b[${String(STYLES[style])}m${text}\u001b[0m` : text;
}
