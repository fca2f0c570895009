import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/*
 * Imports go one way: cli → commands → verify → host | exec → plan → disk, boot, output → config → errors, units, log.
 * What decides (configuration, planning) has no effects; what has effects does not decide.
 */
const effects = {
  regex: '^(node:)?(fs|child_process|net|http|https|dgram|worker_threads)(/|$)|^(execa|dockerode)$',
  message: 'This layer is pure: it neither reads files nor starts programs.',
};

/** Forbids importing the named parts of src, from a file in a folder of src (`../x`) or in src itself (`./x`). */
function above(...parts) {
  return {
    regex: `^\\.{1,2}/(.*/)?(${parts.join('|')})(/.*|\\.js)$`,
    message: 'Imports go one way: cli → commands → host | exec → plan → config → errors, units.',
  };
}

function imports(files, ...patterns) {
  return { files, rules: { 'no-restricted-imports': ['error', { patterns }] } };
}

const terminal = ['cli', 'commands', 'progress'];

export default tseslint.config(
  { ignores: ['.cache/', 'dist/', 'node_modules/', 'obj/', 'profiles/', 'collections/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['vitest.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // A set of options reads better as a type where the neighbouring types are unions.
      '@typescript-eslint/consistent-type-definitions': 'off',
      'no-console': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
    },
  },
  imports(['src/exec/**/*.ts'], above('host', ...terminal)),
  imports(['src/{verify,look}/**/*.ts'], above('host', ...terminal)),
  imports(
    ['src/verify/rules/*.ts', 'src/verify/{types,facts,tree,judge,docs,report}.ts'],
    effects,
    above('read', 'exec', 'host', ...terminal),
  ),
  imports(['src/host/**/*.ts'], above(...terminal)),
  imports(['src/plan/**/*.ts'], effects, above('exec', 'host', 'verify', ...terminal)),
  imports(['src/{disk,boot,output}/**/*.ts'], effects, above('plan', 'exec', 'host', 'verify', ...terminal)),
  imports(['src/config/**/*.ts'], above('plan', 'disk', 'boot', 'output', 'exec', 'host', 'verify', ...terminal)),
  imports(
    [
      'src/config/{schema,resolve,options,core-options,formats,layout,types}.ts',
      'src/config/{schema,resolve,options,layout}-*.ts',
    ],
    effects,
    above('load', 'plan', 'disk', 'boot', 'output', 'exec', 'host', 'verify', ...terminal),
  ),
  imports(['src/{errors,units,log}.ts'], above('config', 'plan', 'output', 'exec', 'host', ...terminal)),
  {
    files: ['test/**/*.ts'],
    rules: { 'max-lines': 'off' },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', AbortController: 'readonly' } },
  },
);
