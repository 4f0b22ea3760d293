/** The proxies of this machine's apt, in lines as apt-config(8) 2.6 writes them. */
import { expect, it } from 'vitest';
import { aptProxies, isProxied, namesProxy } from '../../../src/domain/apt-proxy.ts';

const http = 'Acquire::http::Proxy http://user:word@proxy:3128/';

it.each([
  ['', {}],
  ['Acquire::http::Proxy DIRECT', {}],
  ['Acquire::http::Proxy::deb.lan http://cache:3142', {}],
  [http, { http_proxy: 'http://user:word@proxy:3128/', https_proxy: 'http://user:word@proxy:3128/' }],
  [`${http}\nAcquire::https::Proxy DIRECT`, { http_proxy: 'http://user:word@proxy:3128/' }],
  ['Acquire::https::proxy http://tls:1', { https_proxy: 'http://tls:1' }],
  [
    `Acquire::http::Proxy http://p:1\nAcquire::http::Proxy::a.lan DIRECT\nAcquire::http::Proxy::b.lan DIRECT`,
    { http_proxy: 'http://p:1', https_proxy: 'http://p:1', no_proxy: 'a.lan,b.lan' },
  ],
  // An apt-config that tells of everything.
  ['Acquire::http::Timeout 15\nAPT::Architecture amd64\nAcquire::http::Proxy-Auto-Detect /usr/bin/x', {}],
])('%j', (dump, variables) => expect(aptProxies(dump)).toEqual(variables));

it.each([
  ['http://deb.debian.org/debian', true],
  ['https://deb.debian.org/debian', false],
  ['http://a.lan:8080/debian', false],
])('%s', (address, expected) =>
  expect(isProxied({ http_proxy: 'http://p:1', no_proxy: 'b.lan,a.lan' }, address)).toBe(expected),
);

it.each([
  ['# http_proxy = http://proxy/\ntimeout = 5\n', false],
  ['http_proxy =\n', false],
  ['timeout = 5\n  https-Proxy=http://proxy/', true],
  ['httpproxy = proxy\n', true],
])('wgetrc %j', (text, expected) => expect(namesProxy(text)).toBe(expected));
