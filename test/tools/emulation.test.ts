import { describe, expect, it } from 'vitest';
import { debianArchitecture } from '../../src/config/architectures.js';
import { isolated } from '../../src/exec/namespace.js';
import { INSIDE } from '../../src/host/mounts.js';
import { inBuilder } from '../support/builder.js';
import { CHECKOUT, runCommand } from '../support/cli.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const FOREIGN = ['amd64', 'arm64', 'armhf', 'riscv64'].filter((name) => name !== debianArchitecture());

/** A user namespace, which has no handlers; `before` can give it some, and take the means to make others, as old kernels do. */
function without(before: string): string[] {
  return [
    ...['unshare', '--mount', '--pid', '--fork', 'sh', '-c', 'mount -t proc proc /proc; exec "$@"', 'sh'],
    ...['unshare', '--user', '--map-users=all', '--map-groups=all', '--mount', '--pid', '--fork'],
    ...['sh', '-euc', `mount -t binfmt_misc none /proc/sys/fs/binfmt_misc; ${before}; exec "$@"`, 'sh'],
  ];
}

/** What `emulationFor` says in the builder, below a command that changes what there is. */
async function emulation(architecture: string, before: string): Promise<string> {
  const program = `
import { mkdtempSync } from 'node:fs';
import { emulationFor } from '/usr/lib/imgbuild/dist/exec/emulation.js';
const context = { work: mkdtempSync('/tmp/work-'), signal: new AbortController().signal, log: console.error };
try { console.log('emulate', await emulationFor(context, '${architecture}')); }
catch (error) { console.log(error.name, error.exitCode, error.message, error.hint); }
`;
  return await inBuilder(directory, '"$@"', [...without(before), 'node', '--input-type=module', '--eval', program]);
}

const NO_MORE = 'echo 0 > /proc/sys/user/max_user_namespaces';

/** Magic, mask and flags of QEMU's own script (qemu-binfmt-conf.sh) for arm64. */
function register(interpreter: string, flags: string): string {
  const magic = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
  const mask = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;
  return `printf %s ':theirs:M::${magic}:${mask}:${interpreter}:${flags}' > /proc/sys/fs/binfmt_misc/register`;
}

describe('programs of other architectures', () => {
  it.each(FOREIGN)('%s: run in namespaces that have a handler, and nowhere else', async (architecture) => {
    const argv = isolated('/usr/libexec/arch-test/"$1"; ls /mnt', [architecture], architecture);
    const handlers = 'ls /mnt /proc/sys/fs/binfmt_misc';
    const said = await inBuilder(directory, `${handlers}; echo --; "$@"; echo --; ${handlers}`, argv);
    const [before, inside, after] = said.split('--');
    expect(inside?.trim().split('\n')).toEqual(['ok', 'imgbuild', 'register', 'status']);
    expect(after?.trim()).toBe(before?.trim());
  });

  it('give files that they make to whom they say', async () => {
    const made = `${INSIDE.work}/made`;
    const script = `chroot / /usr/bin/install -o 1234 -g 4321 /dev/null ${made}; stat -c %u:%g ${made}; id -u`;
    const said = await inBuilder(directory, `"$@"; stat -c %u:%g ${made}`, isolated(script, [], FOREIGN[0]));
    expect(said.split('\n')).toEqual(['1234:4321', '0', '1234:4321']);
  });

  it('can do no more than the builder', async () => {
    const ask = 'grep CapBnd /proc/self/status';
    const said = await inBuilder(directory, `${ask}; "$@"`, isolated(ask, [], FOREIGN[0]));
    const [outside, inside] = said.split('\n');
    expect(outside).toMatch(/^CapBnd:\s+0000000080/);
    expect(inside).toBe(outside);
  });

  it('are told of by doctor, with what mends it where no handler can be had', async () => {
    const doctor = `"${process.execPath}" "${CHECKOUT}/dist/bundle/cli.js" doctor --engine embedded`;
    const after = async (before: string): Promise<string> => {
      const script = `unshare --user --map-root-user --mount sh -c '${before}; ${doctor}'`;
      return (await runCommand(['sh', '-c', script])).stdout;
    };
    expect(await after('true')).toMatch(/^ok +foreign architectures: \w+, and by the builder's QEMU: .*riscv64/m);
    expect(await after(NO_MORE)).toMatch(
      /^warn +foreign architectures: only images for \w+ can be built: Linux before 6\.7, .*\n +→ sudo apt-get install qemu-user-binfmt /m,
    );
  });

  it.runIf(FOREIGN.includes('arm64'))('are refused where no handler can be had, with what mends it', async () => {
    const said = await emulation('arm64', NO_MORE);
    expect(said).toBe(
      'UserError 3 programs for arm64 do not run here, and an image is made with its own sudo apt-get install ' +
        'qemu-user-binfmt    (before Debian 13: qemu-user-static binfmt-support; until the next restart: sudo imgbuild builder ' +
        'handlers), or a kernel from 6.7 on, where a build brings its own handler',
    );
  });

  it.runIf(FOREIGN.includes('arm64'))('run by the handler of the machine where a build can have none', async () => {
    expect(await emulation('arm64', `${register('/usr/bin/qemu-aarch64', 'F')}; ${NO_MORE}`)).toBe('emulate undefined');
    // One that looks for QEMU in the image does not do.
    expect(await emulation('arm64', `${register('/usr/bin/qemu-aarch64', '')}; ${NO_MORE}`)).toMatch(/^UserError 3/);
  });

  it.runIf(FOREIGN.includes('arm64'))('run by a handler of the build where there is another one, too', async () => {
    expect(await emulation('arm64', register('/usr/bin/qemu-aarch64', 'F'))).toBe('emulate arm64');
    expect(await emulation(debianArchitecture(), 'true')).toBe('emulate undefined');
  });

  it('run by handlers of the machine that `builder handlers` makes, and takes away again', async () => {
    const command = 'IMGBUILD_BUILDER=1 node /usr/lib/imgbuild/dist/bundle/cli.js builder handlers';
    const state = 'ls /proc/sys/fs/binfmt_misc; arch-test';
    const script = `${command}; ${state}; ${command}; ${command} --remove; echo --; ls /proc/sys/fs/binfmt_misc`;
    const said = await inBuilder(directory, '"$@"', [...without('true'), 'sh', '-euc', script]);
    const [made, left] = said.split('--\n');
    expect(left).toBe('register\nstatus');
    const lines = made?.split('\n') ?? [];
    for (const name of FOREIGN) {
      expect(lines).toContain(`${name} is run by QEMU until this machine is restarted`);
      expect(lines).toContain(`imgbuild-${name}`);
      expect(lines).toContain(name);
      expect(lines).toContain(`${name} has no handler of ours any more`);
    }
    expect(lines).toContain('nothing had to be done');
  });

  it('get no handlers of the machine from who is not its root', async () => {
    const command = 'unshare --user --map-root-user node /usr/lib/imgbuild/dist/bundle/cli.js builder handlers';
    const said = await inBuilder(directory, `IMGBUILD_BUILDER=1 ${command} 2>&1 || echo "status $?"`);
    expect(said).toContain('only root of the machine can give it handlers for programs');
    expect(said).toContain('status 3');
  });
});
