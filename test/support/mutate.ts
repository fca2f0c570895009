import { isMap, isScalar, LineCounter, Pair, parseDocument, Scalar, type YAMLMap } from 'yaml';

/** A profile with one thing wrong in it, and the line that a message about it must name. */
export interface Mutation {
  readonly what: string;
  readonly text: string;
  readonly line: number;
}

/** Stands in for a value of any type: no option and no key takes a mapping like this. */
const WRONG = 'notAValue';

/**
 * Every profile that differs from this one in one key: misspelt, with a value of the wrong type, or, where the key is
 * one of `required`, left out (then the message names the first line).
 */
export function mutations(text: string, required: readonly string[]): Mutation[] {
  const keys = keyPaths(parseDocument(text).contents, []);
  return keys.flatMap((path) => {
    const name = path.join(' → ');
    const typo = `${path.at(-1) ?? ''}x`;
    const wrong = [
      mutate(text, path, `${name} misspelt`, typo, (map, pair) => {
        map.items[map.items.indexOf(pair)] = new Pair(new Scalar(typo), pair.value);
      }),
      mutate(text, path, `${name} of a wrong type`, WRONG, (map, pair) => {
        const document = parseDocument(`{ k: { ${WRONG}: [true] } }`);
        map.set(pair.key, document.get('k', true));
      }),
    ];
    if (path.length > 1 || !required.includes(path[0] ?? '')) return wrong;
    const missing = mutate(text, path, `${name} left out`, '', (map, pair) => {
      map.items.splice(map.items.indexOf(pair), 1);
    });
    return [...wrong, { ...missing, line: firstLine(missing.text) }];
  });
}

function keyPaths(node: unknown, before: readonly string[]): string[][] {
  if (!isMap(node)) return [];
  return node.items.flatMap((pair) => {
    const path = [...before, isScalar(pair.key) ? String(pair.key.value) : ''];
    return [path, ...keyPaths(pair.value, path)];
  });
}

function mutate(
  text: string,
  path: readonly string[],
  what: string,
  mark: string,
  change: (map: YAMLMap, pair: Pair) => void,
): Mutation {
  const document = parseDocument(text);
  const map = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(map)) throw new Error(`there is no mapping around ${path.join('.')}`);
  const pair = map.items.find((item) => isScalar(item.key) && item.key.value === path.at(-1));
  if (pair === undefined) throw new Error(`there is no ${path.join('.')}`);
  change(map, pair);
  const changed = document.toString({ lineWidth: 0 });
  return { what, text: changed, line: changed.split('\n').findIndex((line) => line.includes(mark)) + 1 };
}

/** Where the document begins, after comments. */
function firstLine(text: string): number {
  const counter = new LineCounter();
  const { contents } = parseDocument(text, { lineCounter: counter });
  return isMap(contents) ? counter.linePos(contents.range[0]).line : 1;
}
