/** What one action of the class is: a row of the table in `actions.ts`. */
import type { ApiHost } from '../api-host.ts';
import type { Fields } from './fields.ts';
import type { Json } from './json.ts';

export interface Action {
  /** `read`: limited users may use it too, where they may look at all. */
  readonly access: 'read' | 'full';
  /**
   * Answers the value below the action's name; throws ActionProblem or IocageError for what becomes its
   * `error`, ApiError for what becomes an error envelope.
   */
  readonly run: (host: ApiHost, fields: Fields) => Promise<Json>;
}
