import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';

/** Longer than any archive needs for an index of 150 kB; then the builder's apt asks in its own way. */
const TIMEOUT_MS = 4000;

/** The present text of a signed index, or `undefined` when it cannot be had quickly. */
export async function fetchRelease(uri: string, proxy: string): Promise<Buffer | undefined> {
  const through = URL.canParse(proxy) && uri.startsWith('http:') ? new URL(proxy) : undefined;
  const secure = uri.startsWith('https:');
  // Through a proxy https takes a tunnel: apt knows how.
  if (secure && proxy !== '') return undefined;
  if (!secure && !uri.startsWith('http:')) return undefined;
  const target = new URL(uri);
  const options =
    through === undefined
      ? { hostname: target.hostname, port: target.port, path: target.pathname }
      : { hostname: through.hostname, port: through.port, path: uri, headers: { Host: target.host } };
  return await new Promise((resolve) => {
    const give = (): void => {
      resolve(undefined);
    };
    const request = (secure ? getSecure : getPlain)(
      { ...options, timeout: TIMEOUT_MS, signal: AbortSignal.timeout(TIMEOUT_MS) },
      (response: IncomingMessage) => {
        if (response.statusCode !== 200) {
          response.resume();
          give();
          return;
        }
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          resolve(Buffer.concat(parts));
        });
        response.on('error', give);
      },
    );
    request.on('error', give);
    request.on('timeout', () => request.destroy());
  });
}
