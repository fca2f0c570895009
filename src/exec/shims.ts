import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Stand-ins for a few tools that maintainer scripts call, found first in dpkg's PATH and never part of the image. Each
 * leaves exactly what the real tool and our cleanup together would leave; test/container/shims.test.ts compares.
 */
const SHIMS: Readonly<Record<string, string>> = {
  // openssh-server's postinst makes host keys (1.7 s, mostly RSA), and an image must not have any.
  'ssh-keygen': `#!/bin/sh
case " $* " in
*" /etc/ssh/ssh_host_"*) exit 0 ;;
esac
exec /usr/bin/ssh-keygen "$@"
`,
  // Nothing is started in a chroot; what mmdebstrap does by diversion.
  'start-stop-daemon': `#!/bin/sh
exit 0
`,
};

/** Writes the stand-ins into a directory that is put first in the target's PATH. */
export function writeShims(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(SHIMS)) writeFileSync(join(directory, name), text, { mode: 0o755 });
}
