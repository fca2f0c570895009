import { parse } from 'yaml';

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
}

type GitLab = Readonly<
  Record<string, { readonly before_script?: readonly string[]; readonly script: readonly string[] }>
>;

/** The shell steps of a pipeline of docs/ci, in order. */
export function stepsOf(name: string, text: string): string[] {
  if (name.startsWith('Jenkinsfile')) return [...text.matchAll(/^ *sh '([^']*)'$/gm)].map(([, step = '']) => step);
  if (name.startsWith('gitlab')) {
    return Object.values(parse(text) as GitLab).flatMap((job) => [...(job.before_script ?? []), ...job.script]);
  }
  return Object.values((parse(text) as Workflow).jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
}
