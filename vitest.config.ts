import { defineConfig } from 'vitest/config';

const minutes = 60_000;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/golden/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        // Real tools on files and real processes, one file at a time: they measure and compete for two cores.
        test: {
          name: 'tools',
          include: ['test/tools/**/*.test.ts'],
          testTimeout: 5 * minutes,
          hookTimeout: 5 * minutes,
          fileParallelism: false,
        },
      },
      {
        // Real engines; a first build makes the builder image. Two files at a time: much of a build keeps one core busy.
        test: {
          name: 'container',
          include: ['test/container/**/*.test.ts'],
          testTimeout: 15 * minutes,
          hookTimeout: 15 * minutes,
          maxWorkers: 2,
        },
      },
      {
        // Two files at a time: emulated machines have one processor each, and a clock that a busy host does not hurry.
        test: {
          name: 'boot',
          include: ['test/boot/**/*.test.ts'],
          testTimeout: 15 * minutes,
          hookTimeout: 15 * minutes,
          maxWorkers: 2,
        },
      },
      {
        // Every machine that is promised, which takes hours where it is emulated: run when it is asked for by name.
        test: {
          name: 'machines',
          include: ['test/machines/**/*.test.ts'],
          testTimeout: 60 * minutes,
          fileParallelism: false,
        },
      },
    ],
  },
});
