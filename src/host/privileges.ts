/** What the builder may do, the same for all engines. */

/**
 * The capabilities of an ordinary build, each with what fails without it. Tried one by one in Docker and Podman;
 * docs/security.md tells the same at length.
 */
export const CAPABILITIES = {
  SYS_ADMIN: 'private mount namespaces with proc, sys and dev in the target',
  SYS_CHROOT: 'running maintainer scripts in the target',
  CHOWN: 'files of other users in the image',
  DAC_OVERRIDE: 'writing files of other users and read-only directories',
  FOWNER: 'modes, times and attributes of files of other users',
  FSETID: 'keeping setgid bits while owners change',
  SETUID: 'apt and maintainer scripts become system users',
  SETGID: 'the same for groups',
  SETFCAP: 'file capabilities, such as that of ping',
  KILL: 'ending daemons and apt methods of other users',
} as const;

/** Set for files that the builder opens: engines give a million or more, and tools that close them all one by one crawl. */
export const OPEN_FILES = { soft: 1024, hard: 4096 } as const;
