import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { UserError } from '../errors.js';
import type { SecretSource } from './types.js';

/** Reads the values of secrets, once, when a build starts. No message ever holds a value. */
export function readSecrets(
  sources: Readonly<Record<string, SecretSource>>,
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  return Object.fromEntries(Object.entries(sources).map(([name, source]) => [name, readSecret(name, source, env)]));
}

function readSecret(name: string, source: SecretSource, env: NodeJS.ProcessEnv): string {
  const value = rawValue(name, source, env);
  if (value === '') throw new UserError(`the secret ${name} is empty`, { hint: whence(source) });
  return value;
}

function rawValue(name: string, source: SecretSource, env: NodeJS.ProcessEnv): string {
  if ('value' in source) return source.value;
  if ('env' in source) {
    const value = env[source.env];
    if (value !== undefined) return value;
    throw new UserError(`the secret ${name} is to come from $${source.env}, which is not set`, {
      hint: `export ${source.env}`,
    });
  }
  if ('file' in source) {
    try {
      return withoutNewline(readFileSync(source.file, 'utf8'));
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
      throw new UserError(`the secret ${name} is to come from ${source.file}, which cannot be read (${code})`, {
        cause,
      });
    }
  }
  // The terminal stays connected: a password manager may ask for its passphrase.
  const run = spawnSync('sh', ['-c', source.command], { encoding: 'utf8', env, stdio: ['inherit', 'pipe', 'inherit'] });
  if (run.status === 0) return withoutNewline(run.stdout);
  const how = run.status === null ? (run.signal ?? 'it did not start') : `exit ${String(run.status)}`;
  // The command itself is not shown: it may hold what is secret.
  throw new UserError(`the secret ${name} is to come from a command, which failed (${how})`, {
    hint: 'run the command by itself to see why',
  });
}

/** Editors and echo end a file with a newline that is not part of the secret. */
function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function whence(source: SecretSource): string {
  if ('env' in source) return `it comes from $${source.env}`;
  if ('file' in source) return `it comes from ${source.file}`;
  return 'command' in source ? 'its command prints nothing' : 'give it a value or leave it out';
}
