/**
 * Every case of the documented API that is about an action, against the fakes: the answer is the recommended
 * one, with `legacyTruncation` the documented one, and what differs stands in `docs/sysadm.md` with its reason.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { ApiError } from '../../src/server/api-error.ts';
import { runAction } from '../../src/server/sysadm/actions.ts';
import type { Json } from '../../src/server/sysadm/json.ts';
import type { ApiSettings } from '../../src/server/api-host.ts';
import {
  argsOf,
  cases,
  differences,
  expected,
  needsServer,
  openApiWorld,
  topic,
  type Case,
} from '../support/sysadm-worlds.ts';

const caller = { user: 'root', level: 'full', address: '127.0.0.1' } as const;

async function replay(each: Case, settings: Partial<ApiSettings> = {}): Promise<Json> {
  const api = await openApiWorld(each.id, settings);
  try {
    return await runAction(api.host, caller, argsOf(each)!);
  } catch (error) {
    if (error instanceof ApiError) return { code: String(error.code), message: error.message };
    throw error;
  } finally {
    await api.close();
  }
}

const replayed = cases.filter((each) => argsOf(each) !== undefined && !needsServer(each));
const differ = differences();
const met = new Set<string>();

afterAll(() => {
  const stale = [...differ.keys()].filter(
    (name) => !met.has(name) && !/^(ws|rest|auth|settings|dispatcher|query)-/.test(name),
  );
  expect(stale, 'named in docs/sysadm.md, but there is no such case').toEqual([]);
});

/** REST tells an error by its status alone. */
function wanted(each: Case, response: any): Json {
  if (each.transport === 'rest' && response.status !== 200) {
    const code = String(response.status);
    return { code, message: ({ 400: 'Bad Request' } as Record<string, string>)[code] ?? code };
  }
  return expected(each, response);
}

const shapeOf = (value: Json): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner as Json)]))
    : typeof value;

describe('the documented cases', () => {
  it('are all there', () => {
    expect(cases.length).toBe(199);
    expect(replayed.length).toBeGreaterThan(120);
  });

  it.each(replayed.map((each) => [each.id, each] as const))('%s', async (id, each) => {
    const answer = await replay(each);
    const should = wanted(each, each.recommended_response ?? each.response);
    if (differ.has(topic(id))) {
      met.add(topic(id));
      expect(answer, 'docs/sysadm.md says that this one differs').not.toEqual(should);
      // Of listings with values of this host the shape is the same; the second document knew fewer names.
      if (/^(getdefaultsettings|getjailsettings-all|getjailsettings|df)$/.test(topic(id)))
        expect(shapeOf(answer)).toMatchObject(shapeOf(should) as object);
      return;
    }
    expect(answer).toEqual(should);
    // The first document knew no `ip4`: one key more is no harm.
    if (each.recommended_response === undefined || id.startsWith('seed000')) return;
    expect(await replay(each, { legacyTruncation: true })).toEqual(wanted(each, each.response));
  });
});
