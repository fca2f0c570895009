import type { PassThrough } from 'node:stream';
import type Dockerode from 'dockerode';

/** The connection below dockerode, of which its types say nothing. */
interface Modem {
  readonly dial: (
    request: Readonly<Record<string, unknown>>,
    callback: (error: Error | null, stream: NodeJS.ReadWriteStream) => void,
  ) => void;
  readonly demuxStream: (stream: NodeJS.ReadableStream, out: PassThrough, err: PassThrough) => void;
}

/**
 * Connects to all streams of a container that has not started yet.
 *
 * Not by dockerode's own `attach`: it sends its options again as the body of the request, or the end of an empty chunked
 * one, and Podman (4.3) takes either for the first bytes of standard input. A body of no bytes has nothing to take.
 */
export function attachAll(container: Dockerode.Container): Promise<NodeJS.ReadWriteStream> {
  const request = {
    path: `/containers/${container.id}/attach?`,
    method: 'POST',
    isStream: true,
    hijack: true,
    file: Buffer.alloc(0),
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
    options: { stream: true, stdin: true, stdout: true, stderr: true },
  };
  return new Promise((resolve, reject) => {
    (container.modem as Modem).dial(request, (error, stream) => {
      if (error === null) resolve(stream);
      else reject(error);
    });
  });
}

/** Splits what a container without a terminal says into its two streams. */
export function splitStreams(
  container: Dockerode.Container,
  stream: NodeJS.ReadableStream,
  out: PassThrough,
  err: PassThrough,
): void {
  (container.modem as Modem).demuxStream(stream, out, err);
}
