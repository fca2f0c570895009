// Assembles the disks of a storage from a tar, in the builder: node assemble.js JOB, a JSON file.
import { createReadStream, mkdirSync, readFileSync } from 'node:fs';
import { assembleDisks } from '/usr/lib/imgbuild/dist/exec/assemble.js';
import { planDisks } from '/usr/lib/imgbuild/dist/disk/plan.js';

const { storage, seed, tar, work, target } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
mkdirSync(work, { recursive: true });
const context = {
  work,
  signal: new AbortController().signal,
  log: () => undefined,
  emit: (event) => console.log(JSON.stringify(event)),
};
try {
  await assembleDisks(context, planDisks(storage, seed), { openTar: () => createReadStream(tar) }, target);
} catch (error) {
  console.log(JSON.stringify({ error: error.name, message: error.message, hint: error.hint }));
}
