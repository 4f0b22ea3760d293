/** What tar(1) says while it works, in the host's words: how far it is becomes progress, the rest is kept for an error. */
import type { StepRun } from '../../driver/step.ts';

/** @param doing for people: `copying /srv/root` */
export function tarWords(
  { host, progress }: Pick<StepRun, 'host' | 'progress'>,
  doing: string,
): { readonly said: readonly string[]; readonly onLine: (line: string) => void } {
  const said: string[] = [];
  return {
    said,
    onLine(line) {
      const bytes = host.trees.progress(line);
      if (bytes === undefined) said.push(line);
      else progress(doing, bytes);
    },
  };
}
