/** The parameters of a running jail as `jls -n` words them, as far as Linux has them. Pure. See jls(8). */
import type { JailSpec } from '../host.ts';
import { addressesOf, type JailState } from './state.ts';
import { isOn } from '../../domain/config.ts';

const quoted = (value: string): string => (/[\s"\\]/.test(value) ? JSON.stringify(value) : value);

function networkWords(state: JailState): Readonly<Record<string, string>> {
  if (state.network === 'host') return { ip4: 'inherit', ip6: 'inherit' };
  const words: Record<string, string> = {};
  for (const family of [4, 6] as const) {
    const addresses = addressesOf(state, family).map((item) =>
      item.replace(/^[^|]*\|/, '').replace(/\/\d+$/, ''),
    );
    words[`ip${family}`] = addresses.length > 0 ? 'new' : 'disable';
    if (addresses.length > 0) words[`ip${family}.addr`] = addresses.join(',');
  }
  return words;
}

export function runtimeWords(jail: JailSpec, state: JailState, cgroup: string): readonly string[] {
  const flag = (key: string): string => (isOn(jail.config, key) ? '1' : '0');
  return Object.entries({
    'allow.chflags': flag('allow_chflags'),
    'allow.raw_sockets': flag('allow_raw_sockets'),
    'allow.socket_af': flag('allow_socket_af'),
    cgroup,
    'host.hostname': state.hostname ?? '',
    'host.hostuuid': state.uuid,
    ...networkWords(state),
    jid: String(state.pid ?? 0),
    name: `ioc-${state.uuid}`,
    path: state.root ?? jail.root,
    persist: '1',
  })
    .map(([key, value]) => `${key}=${quoted(value)}`)
    .sort();
}
