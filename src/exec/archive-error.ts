import { type CommandError, EXIT, UserError } from '../errors.js';
import type { AptPlan } from '../plan/types.js';

const LATER =
  '; try again later, take another one with apt.mirror and apt.securityMirror, or leave out what is missing with apt.updates: false and apt.securityMirror: none';

/** Turns what apt says into what the user can do about it. */
export function archiveError(error: CommandError, apt: AptPlan): UserError {
  const text = error.tail;
  const reason = text
    .split('\n')
    .filter((line) => /^(E|W|Err):/.test(line) || /NO_PUBKEY|not signed|Could not|Unable to|404/.test(line))
    .slice(0, 4)
    .map((line) => line.trim())
    .join('\n  ');
  const hint = /NO_PUBKEY|not signed|Sub-process .*(sqv|gpgv)|signature|verif/i.test(text)
    ? 'the signature does not match the key: check `key` of the source in apt.sources, or the mirror'
    : /^Err:.* Packages\n\s*404/m.test(text)
      ? `the archive announces these lists and does not have them: it is being changed, or is an incomplete mirror${LATER}`
      : /404|does not have a Release file/.test(text)
        ? 'check the suite and apt.mirror, apt.securityMirror and apt.sources of the profile'
        : apt.mirror === '' && apt.sources.length === 0
          ? 'check the network of this machine; behind a proxy use --apt-proxy URL, without network --offline'
          : 'check apt.mirror, apt.securityMirror and apt.sources of the profile, and the network';
  return new UserError(`the archive cannot be read:\n  ${reason === '' ? text : reason}`, {
    exitCode: EXIT.archive,
    hint,
    cause: error,
  });
}
