import path from 'node:path';
import { tmpdir } from 'node:os';
import { CHECKOUT, runCommand, type Outcome } from './cli.js';

/** An engine of the tests' own, and the environment in which imgbuild finds it and no other. */
export interface TestEngine {
  readonly name: 'docker' | 'podman';
  readonly env: Readonly<Record<string, string>>;
  /** Runs Docker's command line against it, which Podman understands, too. */
  readonly docker: (...args: string[]) => Promise<Outcome>;
  readonly stop: () => Promise<void>;
}

/** Where engines of the tests keep images, so that a second run need not make them again. */
const STATE = process.env['IMGBUILD_TEST_ENGINES'] ?? path.join(tmpdir(), 'imgbuild-test-engines');

const ENGINES = {
  docker: { script: 'dockerd.sh', variable: 'DOCKER_HOST' },
  podman: { script: 'podman.sh', variable: 'CONTAINER_HOST' },
} as const;

/** Starts an engine; one that runs already is used as it is. */
export async function startEngine(name: TestEngine['name']): Promise<TestEngine> {
  const { script, variable } = ENGINES[name];
  const [file, dir] = [path.join(CHECKOUT, 'test/support', script), path.join(STATE, name)];
  const started = await runCommand([file, 'start', dir]);
  if (started.code !== 0) throw new Error(`${script} start: ${started.stderr}`);
  const host = started.stdout.trim();
  return {
    name,
    env: { [variable]: host, IMGBUILD_ENGINE: name },
    docker: (...args) => runCommand(['docker', '--host', host, ...args]),
    stop: async () => {
      await runCommand([file, 'stop', dir]);
    },
  };
}

/** Podman itself with the state of the test engine. */
export const PODMAN = [path.join(CHECKOUT, 'test/support/podman.sh'), 'run', path.join(STATE, 'podman')] as const;
