/** The doors' view of the API's host: its actions, its jobs, its end. */
import type { ApiHost } from '../api-host.ts';
import { runAction } from './actions.ts';
import type { Backend } from './backend.ts';

export function hostBackend(host: ApiHost): Backend {
  return {
    runAction: (caller, args) => runAction(host, caller, args),
    jobs: () => host.jobs.list(),
    kill: (ids) => host.jobs.kill(ids),
    onEvent: (listener) => host.jobs.onEvent(listener),
    close: (patienceMs) => host.close(patienceMs),
  };
}
