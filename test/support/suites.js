import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/*
 * Runs the static checks and the suites, each to its end whatever came before, and counts. JavaScript, because it runs
 * before anything is known to compile.
 */

const CHECKS = {
  'the program compiles': ['tsc', '-p', '.'],
  'the tests compile': ['tsc', '-p', 'test'],
  'eslint finds nothing': ['eslint', '.'],
  'everything is formatted': ['prettier', '--log-level', 'warn', '--check', '.'],
  'nothing is unused': ['knip'],
  'the documentation is spelt right': ['cspell', '--no-progress'],
};
const SUITES = ['checks', 'unit', 'tools', 'container', 'boot'];
/** They take hours where machines are emulated: run when they are asked for. */
const LONG = ['machines'];

const asked = process.argv.slice(2);
const known = [...SUITES, ...LONG];
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`test/run: no such suite: ${unknown.join(', ')} (there are ${known.join(', ')})`);
  process.exit(2);
}

/** Runs a tool of node_modules; its words go straight to the terminal. */
function tool([name, ...args]) {
  const { status, error } = spawnSync(path.join('node_modules/.bin', name), args, {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error) console.error(error.message);
  return status === 0;
}

const passed = [];
const failed = [];
const skipped = [];

function runChecks() {
  for (const [title, argv] of Object.entries(CHECKS)) {
    const ok = tool(argv);
    console.log(`${ok ? ' ✓' : ' ✗'} ${title}`);
    (ok ? passed : failed).push(`checks: ${title}`);
  }
}

/** @param {string} suite a project of vitest.config.ts */
function runSuite(suite, report) {
  const ok = tool([
    'vitest',
    'run',
    '--project',
    suite,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  const before = failed.length;
  for (const file of results(report)) {
    const name = path.relative('test', path.relative(process.cwd(), file.name));
    // A file that could not be loaded has no tests, and is no success.
    if (file.status === 'failed' && file.assertionResults.length === 0) failed.push(name);
    for (const { status, fullName } of file.assertionResults) {
      const list = { passed, failed }[status] ?? skipped;
      list.push(`${name}: ${fullName}`);
    }
  }
  // Errors outside of any test, or no test at all.
  if (!ok && failed.length === before) failed.push(`${suite}: vitest failed`);
}

function results(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch {
    return [];
  }
}

const scratch = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-run-'));
try {
  for (const suite of asked.length === 0 ? SUITES : known.filter((name) => asked.includes(name))) {
    console.log(`\n== ${suite}`);
    if (suite === 'checks') runChecks();
    else runSuite(suite, path.join(scratch, `${suite}.json`));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

console.log();
for (const name of skipped) console.log(`skipped: ${name}`);
for (const name of failed) console.log(`failed: ${name}`);
const counts = [`${passed.length} passed`, `${failed.length} failed`];
if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
console.log(counts.join(', '));
process.exitCode = failed.length === 0 && passed.length > 0 ? 0 : 1;
