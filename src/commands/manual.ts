import type { Command } from 'commander';
import { EXIT } from '../errors.js';
import { ENVIRONMENT, EXIT_MEANINGS } from './environment.js';
import { argumentText, optionsOf, optionText, synopsis, type Reference } from './reference.js';

/** The manual page imgbuild(1) in roff, with the macros of man(7). */
export function manualPage({ program, commands }: Reference): string {
  const codes = (Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name): [string, string] => {
    return [String(EXIT[name]), EXIT_MEANINGS[name]];
  });
  return [
    '.\\" Written by imgbuild generate from the command line itself. Do not edit.',
    // No date: it would differ from build to build, or lie.
    `.TH IMGBUILD 1 "" "imgbuild ${program.version() ?? ''}"`,
    '.SH NAME',
    'imgbuild \\- turn a profile into a deployable Debian image',
    '.SH SYNOPSIS',
    '.B imgbuild',
    roff('[options] VERB …'),
    '.SH DESCRIPTION',
    roff(program.description()),
    '.SH OPTIONS',
    'All commands take these.',
    ...optionItems(program),
    '.SH COMMANDS',
    ...commands.flatMap((entry) => [
      `.SS ${roff(synopsis(entry))}`,
      roff(entry.command.description()),
      ...entry.command.registeredArguments.flatMap((argument) => item(argument.name(), argumentText(argument))),
      ...optionItems(entry.command),
      ...(entry.examples.length === 0 ? [] : ['.PP', '.EX', ...entry.examples.map(roff), '.EE']),
    ]),
    '.SH ENVIRONMENT',
    ...Object.entries(ENVIRONMENT).flatMap(([name, meaning]) => item(name, meaning)),
    '.SH EXIT STATUS',
    ...codes.flatMap(([code, meaning]) => item(code, meaning)),
    '',
  ].join('\n');
}

function optionItems(command: Command): string[] {
  return optionsOf(command).flatMap((option) => item(option.flags, optionText(option)));
}

/** What has nothing to say about it must not take the next item for its text. */
function item(term: string, text: string): string[] {
  return ['.TP', `.B ${roff(term)}`, text === '' ? '\\&' : roff(text)];
}

/**
 * Text as roff takes it literally (groff_char(7)): dashes, quotes, carets and tildes would become
 * typographic, and a line that begins with a dot or a quote would be a request.
 */
function roff(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '\\': '\\e',
    '-': '\\-',
    "'": '\\(aq',
    '"': '\\(dq',
    '`': '\\(ga',
    '^': '\\(ha',
    '~': '\\(ti',
    '…': '\\&...',
  };
  const escaped = text.replace(/[\\\-'"`^~…]/g, (character) => escapes[character] ?? character);
  return escaped.replaceAll('\n', ' ').replace(/^\./, '\\&.');
}
