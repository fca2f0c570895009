import { styled, type Screen } from './screen.js';

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

type Say = (text: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Where every layer may say what it does. Fields are for machines; the text alone must make sense. */
export type Logger = Readonly<Record<Level, Say>>;

/** A logger for people: one line each on the screen, fields only in debug lines. */
export function createTextLogger(screen: Screen, level: Level): Logger {
  return toLogger((at, text, fields) => {
    if (LEVELS.indexOf(at) < LEVELS.indexOf(level)) return;
    for (const line of formatLines(at, text, fields)) {
      screen.line(at === 'info' ? line : styled(screen, COLORS[at], line));
    }
  });
}

const COLORS = { debug: 'dim', warn: 'yellow', error: 'red' } as const;
const PREFIXES = { debug: 'debug: ', info: '', warn: 'warning: ', error: 'error: ' } as const;

function formatLines(level: Level, text: string, fields: Readonly<Record<string, unknown>>): string[] {
  const detail = level === 'debug' && Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : '';
  return `${PREFIXES[level]}${text}${detail}`.split('\n');
}

/**
 * A logger for machines: pino's NDJSON on standard error. Loaded only when asked for, because pino
 * takes longer to load than most verbs take to run.
 */
export async function createJsonLogger(level: Level): Promise<Logger> {
  const { pino, destination, stdTimeFunctions } = await import('pino');
  const logger = pino(
    {
      level,
      base: { name: 'imgbuild' },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Synchronous: the process may leave right after its last words.
    destination({ fd: 2, sync: true }),
  );
  return toLogger((at, text, fields) => {
    logger[at](fields, text);
  });
}

function toLogger(write: (level: Level, text: string, fields: Readonly<Record<string, unknown>>) => void): Logger {
  const say =
    (level: Level): Say =>
    (text, fields = {}) => {
      write(level, text, fields);
    };
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}
