import { PROGRAMS } from '../../config/architectures.js';

/** Debian's name of the architecture that a program is for, from its first bytes; undefined when it is no such program. */
export function elfArchitecture(text: string): string | undefined {
  if (!text.startsWith('\x7fELF') || text.length < 20) return undefined;
  const machine = text.charCodeAt(18) | (text.charCodeAt(19) << 8);
  const found = Object.entries(PROGRAMS).find(
    ([, program]) => program.machine === machine && program.class === text.charCodeAt(4),
  );
  return found?.[0];
}
