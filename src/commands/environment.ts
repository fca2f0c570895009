import type { EXIT } from '../errors.js';

/** What users can set in the environment, in the order of the references; a test compares it with what the code reads. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  IMGBUILD_ENGINE: 'the engine, as --engine names it',
  IMGBUILD_IMAGE: 'an image to pull as the builder, instead of making one',
  IMGBUILD_CACHE_DIR: 'where the cache is, else imgbuild below $XDG_CACHE_HOME',
  IMGBUILD_OUTPUT_DIR: 'where images go, else ./obj; --output is stronger',
  SOURCE_DATE_EPOCH: 'the time that images bear, in seconds since 1970',
  http_proxy: 'proxy for packages while building; --apt-proxy is stronger',
  NO_COLOR: 'no colours on the terminal, as --no-color',
  XDG_CACHE_HOME: "the user's cache directory, else ~/.cache",
  DOCKER_HOST: 'the address of Docker',
  DOCKER_CONTEXT: 'the context of Docker that names its address',
  DOCKER_CONFIG: "the directory of Docker's settings, else ~/.docker",
  DOCKER_CERT_PATH: 'where the certificates for Docker are, if DOCKER_TLS_VERIFY is set',
  DOCKER_TLS_VERIFY: 'speak TLS with Docker',
  XDG_RUNTIME_DIR: "where the sockets of the user's engines are looked for",
  CONTAINER_HOST: 'the address of Podman',
};

/** What the exit codes mean, in a few words; docs/exit-codes.md tells more. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  differ: 'two images differ (diff --exit-code)',
  usage: 'the command, a profile or a collection is wrong',
  environment: 'the environment lacks something; imgbuild doctor tells what',
  archive: 'the archive or the network failed',
  step: 'a step of the build failed',
  drift: 'something is not what was written down',
  findings: 'a check has found something',
  bug: 'a bug in imgbuild',
  interrupted: 'interrupted with Ctrl-C',
  terminated: 'ended by SIGTERM',
};
