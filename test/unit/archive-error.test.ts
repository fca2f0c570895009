import { expect, it } from 'vitest';
import { CommandError } from '../../src/errors.js';
import { archiveError } from '../../src/exec/archive-error.js';

const APT = {
  mirror: '',
  securityMirror: '',
  updates: true,
  components: [],
  variant: 'apt',
  sources: [],
  mergedUsr: true,
};

function hintOf(tail: string): string | undefined {
  return archiveError(new CommandError({ doing: 'x', argv: ['apt-get'], exit: 'exit status 100', tail }), APT).hint;
}

it.each([
  // What the archive announces and does not have is no fault of the profile.
  ['Err:5 http://a.test/debian trixie-updates/main armhf Packages\n  404  Not Found', /try again later/],
  ['Err:2 http://a.test/debian nonsense Release\n  404  Not Found', /check the suite/],
  ['Err:1 http://a.test/debian trixie InRelease\n  Could not resolve', /check the network/],
  ['W: GPG error: NO_PUBKEY 1234', /signature does not match/],
])('of %j the hint is %s', (tail, hint) => {
  expect(hintOf(tail)).toMatch(hint);
});
