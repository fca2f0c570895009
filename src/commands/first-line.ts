import { UserError } from '../errors.js';

/** Reads one line; the end of the input, now or later, means that nobody waits for the result any more. */
export async function firstLine(onEnd: () => void): Promise<string> {
  return await new Promise((resolve, reject) => {
    let text = '';
    let complete = false;
    process.stdin.setEncoding('utf8');
    process.stdin.on('data', (part: string) => {
      if (complete) return;
      text += part;
      const end = text.indexOf('\n');
      if (end < 0) return;
      complete = true;
      resolve(text.slice(0, end));
    });
    process.stdin.on('end', () => {
      if (complete) onEnd();
      else reject(new UserError('execute is started by the launcher, with a request on standard input'));
    });
  });
}
