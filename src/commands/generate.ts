import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { generatedFiles } from '../config/generate.js';
import { EXIT } from '../errors.js';
import { rulesPage } from '../verify/docs.js';
import { contextOf, finishWith, print } from './common.js';
import { manualPage } from './manual.js';
import { readReference, referencePage } from './reference.js';

/** The hidden verb that writes what follows from declarations: schemas for editors, the references of commands, options, rules and collections. */
export function register(program: Command): void {
  program
    .command('generate', { hidden: true })
    .description(
      'Writes schema/*.json, docs/options.md, docs/rules.md, docs/reference-cli.md, docs/imgbuild.1 and the README.md of each collection anew.',
    )
    .option('--check', 'only say which of them are out of date')
    .action(async (options: { check?: true }, command: Command) => {
      const { programDir } = await contextOf(command);
      const files = { ...generatedFiles(programDir), 'docs/rules.md': rulesPage(), ...(await commandReferences()) };
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(programDir, name);
        if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
        print(name);
        if (options.check === true) {
          finishWith(EXIT.drift);
        } else {
          mkdirSync(path.dirname(file), { recursive: true });
          writeFileSync(file, text);
        }
      }
    });
}

/** The references of the command line, by path in the program's directory. */
export async function commandReferences(): Promise<Readonly<Record<string, string>>> {
  const reference = await readReference();
  return { 'docs/reference-cli.md': referencePage(reference), 'docs/imgbuild.1': manualPage(reference) };
}
