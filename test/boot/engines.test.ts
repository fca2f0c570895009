import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testKey } from '../support/key.js';
import { startEngine, type TestEngine } from '../support/engines.js';
import { bySsh, kvmMachine, startMachine } from '../support/vm.js';

describe.each([
  ['docker', 22324],
  ['podman', 22325],
] as const)('%s', (name, port) => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine(name);
  });
  afterAll(async () => {
    await engine.stop();
  });

  it('boots a machine in a container, with its console here and a port that leads into it', async () => {
    const machine = startMachine([await kvmMachine(), '--ssh', String(port), '--cpus', '1'], engine.env);
    try {
      await machine.shows(/login: /);
      expect(await bySsh(port, testKey().file, 'id -un')).toMatchObject({ code: 0, stdout: 'cosmo\n' });
    } finally {
      machine.kill('SIGTERM');
    }
    expect((await machine.ended).code).toBe(143);
    expect((await engine.docker('ps', '-aq', '--filter', 'label=imgbuild.launcher')).stdout).toBe('');
  });
});
