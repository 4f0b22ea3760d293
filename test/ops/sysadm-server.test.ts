/**
 * The documented cases once more, through real sockets: what a client reads is compared byte by byte with
 * what the documents print, both in the layout of REST and in that of WebSocket. The jails are fakes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostBackend } from '../../src/server/sysadm/host-backend.ts';
import {
  cases,
  differences,
  openApiWorld,
  topic,
  type ApiWorld,
  type Case,
} from '../support/sysadm-worlds.ts';
import {
  laboratory as openLaboratory,
  stubBackend,
  type Laboratory,
  type Stub,
} from '../support/api-server.ts';

let api: ApiWorld | undefined;
let laboratory: Laboratory;

beforeAll(async () => {
  // One server; the world behind it is the one that the case supposes.
  const runAction: Stub['runAction'] = (caller, args) => hostBackend(api!.host).runAction(caller, args);
  laboratory = await openLaboratory({}, { stub: { ...stubBackend(), runAction } });
});
afterAll(async () => {
  await laboratory.end();
  expect(laboratory.said.filter((line) => line.startsWith('error'))).toEqual([]);
});

const ofSysadm = ({ request, transport }: Case): boolean => {
  if (transport === 'rest') return request.path.startsWith('/sysadm/');
  if (typeof request === 'string') return true;
  return !Array.isArray(request) && request !== null && !/^(rpc|events)$/.test(request.namespace ?? '');
};

/** `{{…}}` stands for anything. */
const open = (value: unknown): unknown => {
  if (typeof value === 'string' && value.startsWith('{{')) return expect.anything();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(open);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, open(inner)]));
};
const isOpen = (value: unknown): boolean => JSON.stringify(value).includes('{{');

/** The layout of REST as the documents show it; not made by the code that is tested. */
function restLayout(value: unknown): string {
  const text = JSON.stringify(value, null, 4);
  return `${text.replace(/^( *)(.*)\{\}(,?)$/gm, '$1$2{\n$1}$3').replace(/^( *)(.*)\[\](,?)$/gm, '$1$2[\n$1]$3')}\n`;
}

const differ = differences();
const sent = cases.filter((each) => ofSysadm(each));

describe('the documented cases through sockets', () => {
  it('are many', () => expect(sent.length).toBeGreaterThan(150));

  it.each(sent.map((each) => [each.id, each] as const))('%s', async (id, each) => {
    api = await openApiWorld(id);
    try {
      const should = each.recommended_response ?? each.response;
      const different = differ.has(topic(id));
      if (each.transport === 'rest') await viaRest(each, should, different);
      else await viaWebSocket(each, should, different);
    } finally {
      await api.close();
      api = undefined;
    }
  });
});

async function viaRest({ request, id }: Case, should: any, different: boolean): Promise<void> {
  const wrong = /wrong/.test(request.auth ?? '');
  const { status, headers, body } = await laboratory.rest({
    method: request.method,
    path: request.path,
    body: JSON.stringify(request.body),
    ...(request.auth === null ? {} : { user: ['ann', wrong ? 'other' : 'ann:pass word'] }),
  });
  if (different) {
    expect(body).not.toBe(should.body === null ? '' : restLayout(should.body));
    return;
  }
  expect(status).toBe(should.status);
  if (should.headers !== undefined)
    for (const [name, value] of Object.entries(should.headers))
      expect(headers[name.toLowerCase()]).toBe(value);
  if (should.body === null) expect(body).toBe('');
  else if (isOpen(should.body)) expect(JSON.parse(body)).toEqual(open(should.body));
  else expect(body, id).toBe(restLayout(should.body));
}

async function viaWebSocket(each: Case, should: any, different: boolean): Promise<void> {
  const client = await laboratory.client();
  try {
    if (each.authenticated !== false) await client.login();
    const frame = typeof each.request === 'string' ? each.request : JSON.stringify(each.request);
    client.send(frame);
    const answer = await client.next();
    if (different) expect(answer).not.toBe(JSON.stringify(should));
    else if (isOpen(should)) expect(JSON.parse(answer)).toEqual(open(should));
    else if (/lossy/.test(each.id)) expect(answer).toContain('{"10":"","9":"","a":"","b":" 1:2"}');
    else expect(answer).toBe(JSON.stringify(should));
  } finally {
    client.socket.terminate();
  }
}
