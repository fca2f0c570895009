/** The tree of LVM's configuration format: sections, `name = value`, lists. */
export function lvmConfig(text: string): Record<string, unknown> {
  const tokens =
    text.match(/#[^\n]*|"(?:\\.|[^"\\])*"|[{}[\]=,]|[^\s{}[\]=,]+/g)?.filter((token) => !token.startsWith('#')) ?? [];
  let at = 0;
  const value = (): unknown => {
    const token = tokens[at++] ?? '';
    if (token === '[') {
      const list: unknown[] = [];
      while (tokens[at] !== ']') {
        if (tokens[at] === ',') at += 1;
        else list.push(value());
      }
      at += 1;
      return list;
    }
    return token.startsWith('"') ? token.slice(1, -1) : Number(token);
  };
  const section = (): Record<string, unknown> => {
    const entries: Record<string, unknown> = {};
    while (at < tokens.length && tokens[at] !== '}') {
      const name = tokens[at++] ?? '';
      const kind = tokens[at++];
      if (kind === '{') {
        entries[name] = section();
        at += 1;
      } else entries[name] = value();
    }
    return entries;
  };
  return section();
}
