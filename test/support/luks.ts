import type { LuksPlan } from '../../src/disk/types.js';
import { encryptLuks, makeLuksHeader, newContainer } from '../../src/exec/luks.js';

/** Makes encrypted storage of what lies in its place in a disk. */
export async function formatLuks(
  context: Parameters<typeof makeLuksHeader>[0],
  file: string,
  plan: LuksPlan,
  passphrase: string,
): Promise<void> {
  const container = newContainer(plan);
  await encryptLuks(context, file, container, await makeLuksHeader(context, container, passphrase));
}
