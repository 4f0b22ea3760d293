/** `startjail`, `stopjail`, `capjail`: the lines that the command printed, made from the operations' events. */
import type { IocageEvent } from '../../domain/events.ts';
import { getOperation } from '../../ops/index.ts';
import type { ApiHost } from '../api-host.ts';
import type { Action, Json } from './actions.ts';
import { errorLine, operationError } from './errors.ts';
import type { Fields } from './fields.ts';
import { printedLines, toPairs } from './lines.ts';

/** Starts or stops, with what the jail needs before it, as the command does. */
async function live(host: ApiHost, operation: 'jail.start' | 'jail.stop', fields: Fields): Promise<Json> {
  const name = fields.jail();
  const cut = host.settings.legacyTruncation;
  const events: IocageEvent[] = [];
  try {
    const words = { positionals: [name], properties: [], flags: {} };
    const inputs = await getOperation(operation).command.toInputs(words, host.context());
    for (const input of inputs as readonly { readonly jail: string }[]) {
      await host.change(operation, input, {
        keys: [(await host.knownJail(input.jail))?.uuid ?? input.jail],
        touches: 'running',
        emit: (event) => events.push(event),
      });
    }
    return { [name]: toPairs(printedLines(events), cut) };
  } catch (thrown) {
    const error = operationError(thrown);
    const already = error.code === 'ALREADY_UP' || error.code === 'ALREADY_DOWN';
    if (already) return { [name]: toPairs([`INFO: ${error.message}`], cut) };
    const line = errorLine(error);
    return { error: line, [name]: toPairs([...printedLines(events), line], cut) };
  }
}

export const lifeActions: Readonly<Record<string, Action>> = {
  startjail: { access: 'full', run: (host, fields) => live(host, 'jail.start', fields) },
  stopjail: { access: 'full', run: (host, fields) => live(host, 'jail.stop', fields) },
  capjail: {
    access: 'full',
    async run(host, fields) {
      const jail = fields.jail();
      const keys = [(await host.knownJail(jail))?.uuid ?? jail];
      await host.change('jail.cap', { jail }, { keys, touches: 'running' });
      return { success: `jail ${jail} capped.` };
    },
  },
};
