/**
 * libiocage (`ioc`): every value a text, switches as yes and no in JSON and on and off in UCL and in ZFS
 * properties. The name of the dataset is the jail's; `host_hostuuid` is only what its kernel is told.
 */
import { limitResources } from '../codec/limit.ts';
import { parseSwitch } from '../codec/choice.ts';
import { ValueProblem, type Property } from '../property.ts';
import { isSwitch, oursAlone, type Dialect } from './dialect.ts';
import type { Scalar } from './members.ts';
import { copiesResolver, keepsResolver } from './python.ts';

/**
 * It warns of every key that it does not know: what only we write down goes to the dataset. Its limits hold
 * without `rlimits`, as they were meant to.
 */
const elsewhere: ReadonlySet<string> = new Set([...oursAlone, 'last_started', 'rlimits']);

/** `AMOUNT`, `ACTION=AMOUNT` and `AMOUNT:ACTION`, all of them for the jail as a whole. */
function readLimit(text: string): string {
  if (/^\d+[bkmgtp]?$/i.test(text)) return `${text}:deny`;
  return text.replace(/\/jail$/, '');
}

/** Every address there names its interface, but the words `none` and `-`. */
function nameInterfaces(key: string, text: string): string {
  const bare = text === 'none' ? undefined : text.split(',').find((item) => !item.includes('|'));
  if (bare !== undefined)
    throw new ValueProblem(`libiocage takes no ${key} without its interface: NIC|${bare.trim()}`);
  return text;
}

function write(words: readonly [yes: string, no: string]): Dialect['write'] {
  return (row: Property, text: string): Scalar => {
    const { key } = row;
    if (isSwitch(row)) return { kind: 'string', text: words[parseSwitch(text) ? 0 : 1] };
    if (key === 'ip4_addr' || key === 'ip6_addr') return { kind: 'string', text: nameInterfaces(key, text) };
    if (key === 'resolver') return { kind: 'string', text: copiesResolver(text) };
    if (key === 'defaultrouter6') return { kind: 'string', text: text.replace('%', '@') };
    if (Object.hasOwn(limitResources, key)) return { kind: 'string', text: text === 'off' ? 'none' : text };
    return { kind: 'string', text };
  };
}

function dialect(title: string, words: readonly [string, string]): Dialect {
  return {
    title,
    keeps: (key) => !elsewhere.has(key),
    // Its first line called the hook after the kernel's word for it.
    keys: { exec_started: 'exec_created' },
    read: {
      resolver: keepsResolver,
      defaultrouter6: (text) => text.replace(/^(fe80:.*)@/i, '$1%'),
      ...Object.fromEntries(Object.keys(limitResources).map((key) => [key, readLimit])),
    },
    write: write(words),
    defaultFiles: ['defaults.json', 'defaults'],
    builtIn: {
      interfaces: 'none',
      memoryuse: 'off',
      rlimits: 'on',
      priority: '0',
      exec_fib: '1',
      exec_timeout: '600',
      mount_fdescfs: '0',
      host_domainname: 'local',
      jail_zfs_dataset: 'none',
    },
    finish(values, members) {
      // The name is the dataset's; what the file calls host_hostuuid is another thing.
      values.delete('host_hostuuid');
      values.delete('tag');
      values.delete('rlimits');
      const is = (key: string) => parseSwitch(members.get(key)?.text ?? '') === true;
      // A ZFS basejail has clones of the base in its root already.
      const shown = is('basejail') && members.get('basejail_type')?.text !== 'zfs';
      if (shown) values.set('type', 'basejail');
      else if (is('template')) values.set('type', 'template');
      else if (is('clonejail')) values.set('type', 'clonejail');
      else if (members.has('basejail') || !values.has('type')) values.set('type', 'jail');
      for (const key of ['release', 'cloned_release'])
        if (values.get(key)?.toLowerCase() === 'none') values.delete(key);
    },
  };
}

export const libiocageJson = dialect('libiocage', ['yes', 'no']);
/** UCL files, and properties of the dataset. */
export const libiocageWords = dialect('libiocage', ['on', 'off']);
