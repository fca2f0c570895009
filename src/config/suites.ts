/** Debian suites that can be built, with the number of the release that they are or will be. */
export const SUITES = {
  bullseye: { version: '11' },
  bookworm: { version: '12' },
  trixie: { version: '13' },
  forky: { version: '14' },
  // sid never gets a number: it is named by itself wherever a version is asked for.
  sid: { version: 'sid' },
} as const;

export type SuiteName = keyof typeof SUITES;

/** Names of all suites, oldest first. */
export const SUITE_NAMES = ['bullseye', 'bookworm', 'trixie', 'forky', 'sid'] as const satisfies readonly SuiteName[];

/** Architectures of which a suite is no release: https://www.debian.org/ports/riscv, released with Debian 13. */
export const ABSENT: Readonly<Record<string, readonly string[]>> = { bullseye: ['riscv64'], bookworm: ['riscv64'] };
