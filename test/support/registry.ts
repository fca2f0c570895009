import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { runCommand } from './cli.js';
import type { TestEngine } from './engines.js';

/** A registry on a free port of this machine, with one image. */
export interface Registry {
  /** What engines call the image. */
  readonly image: string;
  /** Paths that were asked for, in order. */
  readonly asked: readonly string[];
  readonly close: () => Promise<void>;
}

interface Blob {
  readonly type: string;
  readonly bytes: number;
  readonly open: () => NodeJS.ReadableStream | Buffer;
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const CONFIG = 'application/vnd.docker.container.image.v1+json';
const LAYER = 'application/vnd.docker.image.rootfs.diff.tar';

/** Serves an image that the engine has as a registry does (OCI distribution specification), to clients that pull. */
export async function startRegistry(engine: TestEngine, image: string, directory: string): Promise<Registry> {
  await save(engine, image, directory);
  const blobs = new Map<string, Blob>();
  const describe = async (type: string, name: string) => {
    const file = path.join(directory, name);
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    const [digest, size] = [`sha256:${hash.digest('hex')}`, statSync(file).size];
    blobs.set(digest, { type, bytes: size, open: () => createReadStream(file) });
    return { mediaType: type, digest, size };
  };
  const [saved] = JSON.parse(readFileSync(path.join(directory, 'manifest.json'), 'utf8')) as [
    { Config: string; Layers: string[] },
  ];
  const config = await describe(CONFIG, saved.Config);
  const layers = [];
  for (const layer of saved.Layers) layers.push(await describe(LAYER, layer));
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));
  const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  blobs.set(digest, { type: MANIFEST, bytes: manifest.length, open: () => manifest });

  const asked: string[] = [];
  const server = createServer((request, response) => {
    const wanted = request.url ?? '';
    asked.push(wanted);
    const [, kind = '', reference = ''] = /^\/v2\/builder\/(manifests|blobs)\/([^/]+)$/.exec(wanted) ?? [];
    const found = kind === 'manifests' && reference === 'test' ? digest : reference;
    const blob = blobs.get(found);
    if (wanted === '/v2/') response.writeHead(200).end('{}');
    else if (blob === undefined) response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN"}]}');
    else send(response, request.method === 'HEAD', found, blob);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    image: `127.0.0.1:${String((server.address() as AddressInfo).port)}/builder:test`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, head: boolean, digest: string, { type, bytes, open }: Blob): void {
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes, 'Docker-Content-Digest': digest });
  const body = head ? '' : open();
  if (typeof body === 'string' || Buffer.isBuffer(body)) response.end(body);
  else body.pipe(response);
}

/** Unpacks what `docker save` writes: manifest.json, the configuration, and the layers as tar files. */
async function save(engine: TestEngine, image: string, directory: string): Promise<void> {
  const script = 'docker save "$0" | tar -x -C "$1"';
  const outcome = await runCommand(['bash', '--norc', '-euo', 'pipefail', '-c', script, image, directory], {
    env: engine.env,
  });
  if (outcome.code !== 0) throw new Error(`saving ${image}: ${outcome.stderr}`);
}
