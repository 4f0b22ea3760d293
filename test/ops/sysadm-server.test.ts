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
import { isPrinted, restLayout, socketLayout } from '../support/sysadm-answers.ts';

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

function expectPrinted(text: string, printed: string): void {
  if (!isPrinted(text, printed)) expect(text).toBe(printed);
}

async function viaRest({ request }: Case, should: any, different: boolean): Promise<void> {
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
  else expectPrinted(body, restLayout(should.body));
}

async function viaWebSocket(each: Case, should: any, different: boolean): Promise<void> {
  const client = await laboratory.client();
  try {
    if (each.authenticated !== false) await client.login();
    const frame = typeof each.request === 'string' ? each.request : JSON.stringify(each.request);
    client.send(frame);
    const answer = await client.next();
    if (different) expect(answer).not.toBe(socketLayout(should));
    else expectPrinted(answer, socketLayout(should));
  } finally {
    client.socket.terminate();
  }
}
