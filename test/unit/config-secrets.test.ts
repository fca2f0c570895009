import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSecrets } from '../../src/config/secrets.js';
import { UserError } from '../../src/errors.js';
import { thrown } from '../support/thrown.js';
import { tree } from '../support/tree.js';

describe('readSecrets', () => {
  const env = { PATH: process.env['PATH'], PW: 's3cret' };

  it('reads values from everywhere', () => {
    const file = path.join(tree({ pw: 's3cret in a file\n' }), 'pw');
    const sources = {
      a: { value: 'x' },
      b: { env: 'PW' },
      c: { file },
      d: { command: 'printf "%s\\n" "$PW" | tr a-z A-Z' },
    };
    expect(readSecrets(sources, env)).toEqual({ a: 'x', b: 's3cret', c: 's3cret in a file', d: 'S3CRET' });
  });

  it.each([
    [{ env: 'NOPE' }, /the secret p is to come from \$NOPE, which is not set/],
    [{ file: '/nowhere/at/all' }, /which cannot be read \(ENOENT\)/],
    [{ command: 'echo s3cret; exit 3' }, /a command, which failed \(exit 3\)/],
    [{ command: 'kill -9 $$' }, /failed \(SIGKILL\)/],
    [{ command: 'true' }, /the secret p is empty/],
  ])('%j is an error that does not tell the secret', (source, message) => {
    const error = thrown(() => readSecrets({ p: source }, env));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) as string });
    expect(JSON.stringify([String(error), error])).not.toContain('s3cret');
  });
});
