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

/** Debian's names of the machines that images are made for. */
export const ARCHITECTURES = ['amd64', 'arm64', 'armhf', 'riscv64', 'i386'] as const;
