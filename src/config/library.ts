/** The shell library of hooks, taken apart, so that a hook depends only on the functions that it uses. */
export interface Library {
  /** What stands outside functions, without comments: part of every hook. */
  readonly common: string;
  readonly functions: ReadonlyMap<string, string>;
}

/** Takes a library apart. A function begins with `name()` at the start of a line and ends with the next line that is just `}` or `)`. */
export function parseLibrary(text: string): Library {
  const common: string[] = [];
  const functions = new Map<string, string>();
  let name: string | undefined;
  let body: string[] = [];
  for (const line of text.split('\n')) {
    const start = name === undefined ? /^([A-Za-z_]\w*)\s*\(\)\s*([{(])(.*)$/.exec(line) : null;
    if (start !== null) {
      const closes = start[2] === '{' ? '}' : ')';
      if (start[3]?.trimEnd().endsWith(closes) === true) functions.set(start[1] ?? '', line);
      else [name, body] = [start[1], [line]];
    } else if (name !== undefined) {
      body.push(line);
      if (!/^[})]\s*$/.test(line)) continue;
      functions.set(name, body.join('\n'));
      name = undefined;
    } else if (!/^\s*(?:#.*)?$/.test(line)) {
      common.push(line);
    }
  }
  // A function without an end is something that this does not understand: every hook depends on it.
  if (name !== undefined) common.push(...body);
  return { common: common.join('\n'), functions };
}

/** The text of the library that a script can reach: what is common, and the functions that it or these mention, by name. */
export function reachableLibrary(library: Library, script: string): string {
  const reached = new Set<string>();
  const texts = [script, library.common];
  for (let text = texts.pop(); text !== undefined; text = texts.pop()) {
    for (const word of text.match(/[A-Za-z_]\w*/g) ?? []) {
      const body = library.functions.get(word);
      if (body === undefined || reached.has(word)) continue;
      reached.add(word);
      texts.push(body);
    }
  }
  const bodies = [...reached].sort().map((name) => library.functions.get(name) ?? '');
  return [library.common, ...bodies].join('\n');
}
