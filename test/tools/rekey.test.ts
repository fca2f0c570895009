import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKOUT } from '../support/cli.js';
import { scratch } from '../support/scratch.js';

const PROGRAM = path.join(CHECKOUT, 'collections/firstboot/rekey/overlay/customize/usr/lib/imgbuild/rekey');
const OLD = 'the one of the image';
const NEW = 'vier Kerzen und ein Pferd';
const directory = scratch();
let count = 0;

/** Encrypted storage in a file, opened by the image's passphrase alone. */
function storage(): string {
  count += 1;
  const file = path.join(directory, `storage-${String(count)}`);
  execFileSync('truncate', ['-s', '20M', file]);
  const cheap = ['--pbkdf', 'argon2id', '--pbkdf-memory', '1024', '--pbkdf-force-iterations', '4'];
  execFileSync(
    'cryptsetup',
    ['luksFormat', '-q', '--type', 'luks2', '--disable-locks', ...cheap, '--key-file=-', file],
    {
      input: OLD,
    },
  );
  return file;
}

/** Runs the program with these answers; it stops when it has no more. */
function rekey(mode: string, file: string, answers: readonly string[]) {
  mkdirSync(path.join(directory, 'run'), { recursive: true });
  const state = `${file}.state/slot`;
  const env = { ...process.env, REKEY_STATE: state, REKEY_KEYS: path.join(directory, 'run') };
  const input = answers.map((line) => `${line}\n`).join('');
  return { ...spawnSync('sh', [PROGRAM, mode, file], { input, env, encoding: 'utf8' }), state };
}

/** Runs the program at somebody's who types what it shows; gives what it said, and the key that it showed. */
function typed(mode: string, file: string) {
  const script = `{
    echo '${OLD}'
    until key=$(sed -n 's/^    //p' "$1") && [ -n "$key" ]; do sleep 0.1; done
    echo "$key"
  } | sh "$0" ${mode} "$2" >"$1"`;
  const said = path.join(directory, 'said');
  writeFileSync(said, '');
  execFileSync('bash', ['--norc', '-c', script, PROGRAM, said, file], {
    env: {
      ...process.env,
      REKEY_STATE: `${file}.state/slot`,
      REKEY_KEYS: path.join(directory, 'run'),
      REKEY_TPM: path.join(directory, 'no-tpm'),
    },
  });
  const stdout = readFileSync(said, 'utf8');
  return { stdout, key: /^ {4}(\S+)$/m.exec(stdout)?.[1] ?? '' };
}

const opens = (file: string, key: string): boolean =>
  spawnSync('cryptsetup', ['open', '--test-passphrase', '--key-file=-', file], { input: key }).status === 0;

const slots = (file: string): string[] =>
  Array.from(
    execFileSync('cryptsetup', ['luksDump', file], { encoding: 'utf8' }).matchAll(/^ {2}(\d+): luks2$/gm),
    ([, slot]) => slot ?? '',
  );

describe('the first boot of encrypted storage', () => {
  it('takes a passphrase that was typed twice, and the old one opens nothing any more', () => {
    const file = storage();
    const answers = ['wrong', OLD, 'short', OLD, OLD, NEW, 'another one here', NEW, NEW];
    const { status, stdout } = rekey('ask', file, answers);
    expect(status).toBe(0);
    expect(stdout).toContain('This does not open it.');
    expect(stdout).toContain('It is shorter.');
    expect(stdout).toContain('It is the one that it is to replace.');
    expect(stdout).toContain('It was not the same.');
    expect(stdout).not.toContain(NEW);
    expect([opens(file, OLD), opens(file, NEW)]).toEqual([false, true]);
    expect(rekey('ask', file, [])).toMatchObject({ status: 0, stdout: '' });
  });

  it('makes a recovery key that is shown once and has to be repeated', () => {
    const file = storage();
    // Nobody has written it down: nothing has changed, and the next start begins anew.
    const first = rekey('recovery', file, [OLD]);
    expect(first.status).toBe(1);
    expect(slots(file)).toEqual(['0']);
    const [, unused = ''] = /^ {4}(\S+)$/m.exec(first.stdout) ?? [];
    expect(unused).toMatch(/^([a-kmnp-z2-9]{4}-){7}[a-kmnp-z2-9]{4}$/);
    expect(opens(file, unused)).toBe(false);
    const { key } = typed('recovery', file);
    expect([opens(file, OLD), opens(file, key)]).toEqual([false, true]);
    expect(key).not.toBe(unused);
  });

  it('leaves a machine without a TPM with its recovery key', () => {
    const file = storage();
    const { stdout, key } = typed('tpm2', file);
    expect(stdout).toContain(
      'This machine has no TPM 2.0: the recovery key opens its storage.\nThe passphrase of the image',
    );
    expect([opens(file, OLD), opens(file, key)]).toEqual([false, true]);
  });

  it('goes on after it was interrupted', () => {
    const file = storage();
    const add = (key: string): void => {
      const keyFile = path.join(directory, 'added');
      writeFileSync(keyFile, key);
      execFileSync(
        'cryptsetup',
        ['luksAddKey', '-q', '--key-file=-', '--pbkdf-memory', '1024', '--pbkdf-force-iterations', '4', file, keyFile],
        {
          input: OLD,
        },
      );
    };
    // Cut between noting the slot and proving the key in it: the half-made one goes.
    add('never proved to anybody');
    mkdirSync(`${file}.state`);
    writeFileSync(`${file}.state/slot`, '1\n');
    expect(rekey('ask', file, [OLD, NEW, NEW]).status).toBe(0);
    expect(slots(file)).toEqual(['1']);
    expect([opens(file, OLD), opens(file, NEW), opens(file, 'never proved to anybody')]).toEqual([false, true, false]);

    // Cut just before the last step: whoever knows the new one is asked nothing more.
    const other = storage();
    const keyFile = path.join(directory, 'added');
    writeFileSync(keyFile, NEW);
    execFileSync(
      'cryptsetup',
      ['luksAddKey', '-q', '--key-file=-', '--pbkdf-memory', '1024', '--pbkdf-force-iterations', '4', other, keyFile],
      {
        input: OLD,
      },
    );
    expect(rekey('ask', other, [NEW]).status).toBe(0);
    expect(slots(other)).toEqual(['1']);
  });
});
