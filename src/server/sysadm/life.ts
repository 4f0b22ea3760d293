/** `startjail`, `stopjail`, `capjail`: the lines that the command printed, made from the operations' events. */
import type { EventSink, IocageEvent } from '../../domain/events.ts';
import type { ApiHost } from '../api-host.ts';
import type { Action } from './action.ts';
import type { Json } from './json.ts';
import { errorLine, operationError } from './errors.ts';
import type { Fields } from './fields.ts';
import { printedLines, toPairs } from './lines.ts';

/** Starts or stops, with what the jail needs before it, as the command does. */
async function live(host: ApiHost, operation: 'jail.start' | 'jail.stop', fields: Fields): Promise<Json> {
  const name = fields.jail();
  const cut = host.settings.legacyTruncation;
  const events: IocageEvent[] = [];
  const perform = async (): Promise<void> => {
    const words = { positionals: [name], properties: [], flags: {} };
    const emit: EventSink = (event) => events.push(event);
    const { inputs, kept } = await host.inputs(operation, words);
    for (const input of inputs as readonly { readonly jail: string }[]) {
      const keys = [await host.keyOf(input.jail)];
      try {
        await host.change(operation, input, { keys, touches: 'running', emit, kept });
      } catch (error) {
        // What the jail needs was started by somebody else meanwhile: that is as good.
        if (input.jail === name || operationError(error).code !== 'ALREADY_UP') throw error;
      }
    }
  };
  try {
    await host.inOrder(name, perform);
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
      await host.inOrder(jail, (key) =>
        host.change('jail.cap', { jail }, { keys: [key], touches: 'running' }),
      );
      return { success: `jail ${jail} capped.` };
    },
  },
};
