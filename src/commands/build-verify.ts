import path from 'node:path';
import type { BuildResult } from '../exec/types.js';
import { isImageName } from '../verify/read/image.js';
import { EXIT } from '../errors.js';
import { isRefused } from '../verify/report.js';
import { finishWith, type Context } from './common.js';
import { BOOT_TIMEOUT, findingsOf, printVerification, verifyFiles, type Verification } from './verify-run.js';

/** What `build` asks of the images that it has made. */
export interface VerifyResultsOptions {
  readonly boot?: true;
  readonly engine?: string;
}

/** What was found, and how to tell it once the results are told. */
export interface Verified {
  readonly verification: Verification;
  readonly tell: (json: boolean) => void;
}

/** Verifies what was built, or is as it was built before; nothing when nothing was. */
export async function verifyResults(
  context: Context,
  results: readonly BuildResult[],
  outputDir: string,
  { boot, engine }: VerifyResultsOptions,
): Promise<Verified | undefined> {
  const files = results
    .flatMap((result) => result.files)
    .map((file) => file.path)
    .filter((file) => isImageName(path.basename(file)))
    .map((file) => path.join(outputDir, file));
  if (files.length === 0) return undefined;
  context.log.info(boot === true ? 'verifying, and booting' : 'verifying');
  const verification = await verifyFiles(context, files, { rules: true, boot, engine, bootTimeout: BOOT_TIMEOUT });
  return {
    verification,
    tell: (json) => {
      if (!json) printVerification(context, verification);
      if (isRefused(findingsOf(verification), false)) finishWith(EXIT.findings);
    },
  };
}
