import { CommandError } from '../errors.js';
import { ENGINES, findAmong, type Engine, type EngineName } from './engine.js';
import type { Builder } from './image.js';
import type { Host } from './program.js';

/** An engine, which the caller closes in every case, with the builder that it runs. */
export interface ReadyEngine {
  readonly engine: Engine;
  readonly builder: Builder;
}

/**
 * The engine that was asked for, or the first that works, with its builder. An engine may answer and yet be unable to run
 * anything (Podman in a container that lacks control groups): where none was asked for, the next gets its turn.
 *
 * @param warn is told which engines are passed over, and why.
 * @throws UserError when there is no engine; what `makeBuilder` threw when the engine that was asked for, or each one that
 * is there, cannot make its builder.
 */
export async function readyEngine(
  host: Host,
  asked: EngineName | undefined,
  makeBuilder: (engine: Engine) => Promise<Builder>,
  warn: (text: string) => void,
): Promise<ReadyEngine> {
  let names: readonly EngineName[] = asked === undefined ? ENGINES : [asked];
  let failure: CommandError | undefined;
  for (;;) {
    const { engine, passedOver } = await findAmong(host, names).catch((error: unknown) => {
      // Of an engine that is there is more to tell than of those that are not.
      throw failure ?? error;
    });
    for (const { name, detail } of passedOver) warn(`${name} is passed over: ${detail}`);
    try {
      return { engine, builder: await makeBuilder(engine) };
    } catch (error) {
      await engine.close();
      names = asked === undefined ? ENGINES.slice(ENGINES.indexOf(engine.name) + 1) : [];
      if (!(error instanceof CommandError)) throw error;
      failure ??= error;
      if (names.length === 0) throw failure;
      warn(`${engine.name} is passed over: ${error.message}; --engine ${engine.name} shows why`);
    }
  }
}
