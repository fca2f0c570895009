/** e_machine, class and, where that is not enough, byte order: the architectures that containers and machines have. */
const MACHINES: Readonly<Record<string, string>> = {
  '62/2': 'amd64',
  '3/1': 'i386',
  '183/2': 'arm64',
  '40/1': 'armhf',
  '243/1': 'riscv32',
  '243/2': 'riscv64',
};

/** Debian's name of the architecture that a program is for, from its first bytes; undefined when it is no such program. */
export function elfArchitecture(text: string): string | undefined {
  if (!text.startsWith('\x7fELF') || text.length < 20) return undefined;
  const machine = text.charCodeAt(18) | (text.charCodeAt(19) << 8);
  return MACHINES[`${String(machine)}/${String(text.charCodeAt(4))}`];
}
