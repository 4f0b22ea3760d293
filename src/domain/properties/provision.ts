/** Rows of the group `custom` about `ioc provision`. Keys as libiocage spells them. */
import { choice } from '../codec/choice.ts';
import { orNone, path } from '../codec/text.ts';
import type { Property } from '../property.ts';
import { applied, property } from './row.ts';

export const provision: readonly Property[] = [
  property('custom', {
    key: 'provision.method',
    codec: choice('none', 'script'),
    default: 'none',
    freebsd: 'read by ioc provision',
    linux: applied('read by ioc provision'),
    live: true,
    doc: 'How ioc provision sets the jail up: script, a script of the host that is run in the jail.',
    example: 'script',
    source: 'libiocage',
  }),
  property('custom', {
    key: 'provision.source',
    codec: orNone(path),
    default: 'none',
    freebsd: 'read by ioc provision',
    linux: applied('read by ioc provision'),
    live: true,
    doc: 'What provision.method takes: the path of the script on the host.',
    example: '/etc/iocage/web.sh',
    source: 'libiocage',
  }),
];
