import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { readCollection, type CollectionFile } from '../../src/config/collection.js';
import { optionsPage } from '../../src/config/docs.js';
import { parseYaml } from '../../src/config/document.js';
import { generatedFiles } from '../../src/config/generate.js';
import { describeOptions, loadProfile, loadProject } from '../../src/config/load.js';
import { collectionSchema, defaultsSchema, profileSchema } from '../../src/config/jsonschema.js';
import { CHECKOUT } from '../support/cli.js';
import { PRODUCT } from '../support/config.js';
import { tree } from '../support/tree.js';

const BASE: CollectionFile = (() => {
  const text = PRODUCT['program/collections/base/collection.yaml'];
  return readCollection('base', parseYaml(typeof text === 'string' ? text : '', 'x', []), [], []);
})();

/** Directories of the product's collections, found by their files. */
const COLLECTIONS = readdirSync(path.join(CHECKOUT, 'collections'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('/collection.yaml') && !name.startsWith('local/'))
  .map((name) => path.dirname(name))
  .sort();

describe('generated files', () => {
  const files = Object.entries(generatedFiles(CHECKOUT));

  it.each(files)('%s is current (imgbuild generate writes it)', (name, text) => {
    const file = path.join(CHECKOUT, name);
    expect(existsSync(file) ? readFileSync(file, 'utf8') : '').toBe(text);
  });

  it('are the schemas, the reference of options and a page for each collection', () => {
    const names = files.map(([name]) => name);
    expect(names.slice(0, 4)).toEqual([
      'schema/profile.json',
      'schema/collection.json',
      'schema/defaults.json',
      'docs/options.md',
    ]);
    expect(names.slice(4)).toEqual(COLLECTIONS.map((name) => `collections/${name}/README.md`));
  });
});

describe('the page of a collection', () => {
  const page = (name: string): string => generatedFiles(CHECKOUT)[`collections/${name}/README.md`] ?? '';

  it('tells what it does, brings along, installs and writes', () => {
    const text = page('roles/nginx/default');
    expect(text).toContain('- Brings along, before itself: [roles/nginx/base](../../../roles/nginx/base/README.md)\n');
    expect(text).toContain('| `nginx.role` | app \\| static \\| none | `app` |');
    expect(text).toContain('- `/etc/nginx/sites-available/<nginx.role>`\n');
    expect(text).toContain('- `/etc/nginx/snippets/tls.conf`\n');
    expect(page('roles/nginx/base')).toContain('- `/etc/nginx/ssl/` (0700)\n');
    expect(page('roles/nginx/base')).toContain('- `nftables.input.tcp`: `["80","443"]`\n');
    expect(page('roles/docker')).toContain('- `docker-cli` when `suite` is not `bullseye` or `bookworm`\n');
  });
});

describe('examples of collections', () => {
  const examples = COLLECTIONS.flatMap((name) => {
    const text = readFileSync(path.join(CHECKOUT, 'collections', name, 'collection.yaml'), 'utf8');
    const { examples: found = [] } = parse(text) as { examples?: { description: string; profile: object }[] };
    return found.map(({ description, profile }) => ({ name, description, profile }));
  });

  it.each(examples)('of $name are profiles: $description', ({ name, profile }) => {
    const text = stringify({ suite: 'bookworm', architecture: 'amd64', ...profile });
    const cwd = tree({ 'profiles/example.yaml': text });
    const config = loadProfile(loadProject({ programDir: CHECKOUT, cwd, collectionDirs: [] }), 'example');
    expect(config.collections.map((collection) => collection.name)).toContain(name);
  });
});

describe('declarations of the product', () => {
  const declarations = describeOptions(loadProject({ programDir: CHECKOUT, profileDirs: [], collectionDirs: [] }));
  const fields = declarations.flatMap(({ name, declaration }) => [
    { name, declaration },
    ...(declaration.type === 'records'
      ? Object.entries(declaration.fields).map(([field, of]) => ({ name: `${name}.${field}`, declaration: of }))
      : []),
  ]);

  it('say in words what their patterns mean', () => {
    const patterns = fields.filter(({ declaration }) => 'pattern' in declaration || 'item' in declaration);
    expect(patterns.length).toBeGreaterThan(40);
    expect(patterns.filter(({ declaration }) => !('expects' in declaration)).map(({ name }) => name)).toEqual([]);
  });
});

describe('schemas', () => {
  it('have each option under its dotted name and nested', () => {
    const schema = profileSchema([BASE], BASE.options);
    expect(schema).toMatchObject({
      additionalProperties: false,
      anyOf: [{ required: ['extends'] }, { required: ['suite', 'architecture', 'collections'] }],
      properties: {
        suite: { enum: ['bullseye', 'bookworm', 'trixie', 'forky', 'sid'] },
        collections: { items: { anyOf: [{ enum: ['base'] }, { type: 'string' }] } },
        options: {
          properties: {
            'login.uid': { type: 'integer', minimum: 1, maximum: 60000, default: 1000, description: 'Id. (base)' },
            login: { properties: { uid: { type: 'integer' }, authorizedKeys: { type: 'array' } } },
            init: { enum: ['systemd', 'sysv'] },
            hostname: { anyOf: [{ pattern: '^(?:[a-z0-9-]+)$' }, { const: 'debian' }] },
            hosts: { items: { required: ['name'], additionalProperties: false } },
            rootPassword: { oneOf: expect.arrayContaining([{ type: 'string', minLength: 1 }]) as unknown },
          },
        },
      },
    });
  });

  it('of defaults and collections know the options, too', () => {
    const options = { properties: { 'sshd.enable': { type: 'boolean' }, sshd: { properties: { enable: {} } } } };
    expect(defaultsSchema(BASE.options)).toMatchObject({ properties: { options, packages: {} } });
    expect(collectionSchema(BASE.options)).toMatchObject({ properties: { set: options }, required: ['description'] });
  });
});

describe('the page of options', () => {
  it('has a table for each collection', () => {
    const page = optionsPage([BASE]);
    expect(page).toContain('## imgbuild\n');
    expect(page).toContain('## base\n\nWhat every image has.\n');
    expect(page).toContain('| `login.uid` | integer 1…60000 | `1000` | Id. |\n');
    expect(page).toContain('| `init` | systemd \\| sysv | `systemd` | Init. |\n');
    expect(page).toContain('| `ports` | list, adds up | `["22"]` | Ports. |\n');
    expect(page).toContain('| `rootPassword` | secret |  | Password. |\n');
    expect(page).toContain(
      '| `hosts` | records |  | Hosts.<br>`name` (string, required)<br>`addresses` (list)<br>`primary` (boolean) |\n',
    );
  });
});
