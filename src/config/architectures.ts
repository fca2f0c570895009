/** Debian's names of the machines that images are made for. */
export const ARCHITECTURES = ['amd64', 'arm64', 'armhf', 'riscv64', 'i386'] as const;

/** How programs for a machine say so: `e_machine` and the class of their ELF header, 1 for 32 and 2 for 64 bits (elf.h). */
interface Program {
  readonly machine: number;
  readonly class: 1 | 2;
}

/** By Debian's names; the architectures that containers and machines have. All have their low bytes first. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  amd64: { machine: 62, class: 2 },
  i386: { machine: 3, class: 1 },
  arm64: { machine: 183, class: 2 },
  armhf: { machine: 40, class: 1 },
  riscv32: { machine: 243, class: 1 },
  riscv64: { machine: 243, class: 2 },
};

/** Debian's name of the architecture that Node runs on. */
export function debianArchitecture(arch: string = process.arch): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: 'i386', arm: 'armhf', ppc64: 'ppc64el' };
  return names[arch] ?? arch;
}
