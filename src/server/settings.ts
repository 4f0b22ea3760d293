/**
 * The settings of the server: one row each. The configuration file, `--print-config` and the checks
 * are made of these rows; nothing repeats them. Pure. The file has a line `key = value` per setting
 * and comments that begin with `#`; what it does not name has the built-in value.
 */
import { failure } from '../domain/errors.ts';

interface Row<T> {
  readonly default: string;
  readonly says: string;
  /** Text to value; throws an Error whose message says what is wrong. */
  readonly parse: (text: string) => T;
}

function row<T>(made: Row<T>): Row<T> {
  return made;
}

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new Error(`takes a whole number from ${least} to ${most}`);
    return value;
  };

const choice =
  <const C extends readonly string[]>(...choices: C) =>
  (text: string): C[number] => {
    if (!choices.includes(text)) throw new Error(`takes one of ${choices.join(', ')}`);
    return text;
  };

const onOff = (text: string): boolean => choice('on', 'off')(text) === 'on';
const port = whole(0, 65535);
const seconds = whole(1, 86_400 * 30);
const words = (text: string): readonly string[] => text.split(/[\s,]+/).filter((word) => word !== '');

function path(text: string): string {
  if (text !== '' && !text.startsWith('/')) throw new Error('takes an absolute path, or nothing');
  if (/[\0\n]/.test(text)) throw new Error('takes a path of one line');
  return text;
}

function addresses(text: string): readonly string[] {
  const found = words(text);
  if (found.length === 0) throw new Error('takes at least one address');
  return found;
}

export const settingRows = {
  listen: row({
    default: '127.0.0.1',
    says: 'addresses to listen on, with commas between; 0.0.0.0 or :: is every address of the host',
    parse: addresses,
  }),
  restPort: row({ default: '12151', says: 'port of REST; 0 takes any free one', parse: port }),
  websocketPort: row({ default: '12150', says: 'port of WebSocket; 0 takes any free one', parse: port }),
  certificate: row({
    default: '',
    says: 'PEM file with the certificate and its chain; without it a self-signed one is made at the first start',
    parse: path,
  }),
  certificateKey: row({ default: '', says: 'PEM file with the key of the certificate', parse: path }),
  minimumTls: row({
    default: '1.2',
    says: 'oldest version of TLS that is spoken: 1.2 or 1.3',
    parse: choice('1.2', '1.3'),
  }),
  clientCertificates: row({
    default: 'off',
    says: 'on: who shows a TLS certificate that was given to an account with `iocage user` is logged in by it',
    parse: onOff,
  }),
  clientCa: row({
    default: '',
    says: 'PEM file of an authority: its certificates log in the account that their common name (CN) is called',
    parse: path,
  }),
  passwords: row({
    default: 'on',
    says: 'off: nobody logs in with a password; keys and TLS certificates remain',
    parse: onOff,
  }),
  systemAccounts: row({
    default: 'on',
    says: 'on: accounts of the host log in too, where pamtester(1) is installed',
    parse: onOff,
  }),
  pamService: row({
    default: 'login',
    says: 'PAM service that checks accounts of the host',
    parse: (text) => {
      if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(text)) throw new Error('takes the name of a PAM service');
      return text;
    },
  }),
  fullGroups: row({
    default: 'wheel, sudo',
    says: 'groups of the host whose members may do everything, besides root and toor',
    parse: words,
  }),
  limitedGroups: row({
    default: 'operator',
    says: 'groups of the host whose members are operators; everybody else is refused',
    parse: words,
  }),
  iocageOperatorAccess: row({
    default: 'read',
    says: 'what operators may do with jails: read (look only), none, or all (as the original: exec, which is root, included)',
    parse: choice('read', 'none', 'all'),
  }),
  legacyTruncation: row({
    default: 'off',
    says: 'on: values end at their second separator, as those of the original did',
    parse: onOff,
  }),
  listFormat: row({
    default: '2016',
    says: 'shape of listjails: 2016, or 2017 as the last version of the original; a request may ask with "format"',
    parse: choice('2016', '2017'),
  }),
  refuseToDestroyRunning: row({
    default: 'off',
    says: 'on: destroyjail refuses a running jail, as the documents say; off: it is stopped first, as the original did',
    parse: onOff,
  }),
  pool: row({
    default: '',
    says: 'pool to work on; without it the only one that is activated',
    parse: (text) => {
      if (!/^([A-Za-z][A-Za-z0-9_.:-]*)?$/.test(text))
        throw new Error('takes the name of a pool, or nothing');
      return text;
    },
  }),
  changesAtOnce: row({
    default: '4',
    says: 'changes that run beside each other; those of one jail run one after the other',
    parse: whole(1, 256),
  }),
  changesWaiting: row({ default: '256', says: 'changes that may wait', parse: whole(1, 100_000) }),
  allowedOrigins: row({
    default: '',
    says: 'origins of web pages that may talk to the server, such as https://console.example; without any: none but its own',
    parse: (text) => {
      const found = words(text);
      const bad = found.find((origin) => !/^https?:\/\/[^/\s]+$/.test(origin));
      if (bad !== undefined) throw new Error(`takes origins (https://HOST[:PORT]), not ${bad}`);
      return found;
    },
  }),
  sessionSeconds: row({ default: '900', says: 'a token ends after so long without use', parse: seconds }),
  loginSeconds: row({ default: '30', says: 'who is not logged in by then is cut off', parse: seconds }),
  idleSeconds: row({
    default: '1800',
    says: 'a WebSocket that says nothing for so long is closed',
    parse: seconds,
  }),
  requestSeconds: row({
    default: '30',
    says: 'time for the handshake, and again for a whole request, to arrive',
    parse: seconds,
  }),
  slowReaderSeconds: row({
    default: '30',
    says: 'who takes nothing of what was sent for so long is cut off',
    parse: seconds,
  }),
  maxConnections: row({ default: '512', says: 'connections in all, per port', parse: whole(1, 65_535) }),
  maxConnectionsPerAddress: row({
    default: '64',
    says: 'connections from one address, per port; this host itself is not counted',
    parse: whole(1, 65_535),
  }),
  maxMessageBytes: row({
    default: '1048576',
    says: 'longest body of a request, or WebSocket message',
    parse: whole(1024, 1 << 28),
  }),
  maxBufferedBytes: row({
    default: '8388608',
    says: 'a WebSocket that leaves more than this unread is cut off',
    parse: whole(65_536, 1 << 30),
  }),
  maxPendingPerConnection: row({
    default: '32',
    says: 'requests of one connection that are worked on or wait; further ones are not read meanwhile',
    parse: whole(1, 10_000),
  }),
  maxPending: row({
    default: '512',
    says: 'requests that are worked on in all; further ones are refused with 503',
    parse: whole(1, 100_000),
  }),
  lockoutFailures: row({
    default: '5',
    says: 'failed logins from one address, each within lockoutResetMinutes of the one before, until it is locked out',
    parse: whole(1, 1000),
  }),
  lockoutAccountFailures: row({
    default: '10',
    says: 'failed logins of one account until it is locked out, wherever they come from',
    parse: whole(1, 1000),
  }),
  lockoutResetMinutes: row({
    default: '10',
    says: 'failures are forgotten after so long',
    parse: whole(1, 10_000),
  }),
  lockoutMinutes: row({ default: '60', says: 'how long a lock-out lasts', parse: whole(1, 100_000) }),
  stopSeconds: row({
    default: '120',
    says: 'at the end the server waits so long for what runs; the journal keeps what is left for `iocage doctor`',
    parse: whole(0, 86_400),
  }),
  logDirectory: row({
    default: '/var/log/iocage',
    says: 'where the logs are: audit (every request), hostinfo, dispatcher; a file a day, each',
    parse: (text) => {
      if (text === '') throw new Error('takes an absolute path');
      return path(text);
    },
  }),
  logDays: row({ default: '30', says: 'logs older than this are removed', parse: whole(1, 10_000) }),
} as const;

type Rows = typeof settingRows;
export type SettingKey = keyof Rows;
export type Settings = { readonly [K in SettingKey]: ReturnType<Rows[K]['parse']> };
/** As text: what the file, or a flag, says. */
export type SettingTexts = { readonly [K in SettingKey]?: string };

const keys = Object.keys(settingRows) as readonly SettingKey[];

/** @throws BAD_SETTING */
export function parseSettings(text: string, path: string): SettingTexts {
  const found: Partial<Record<SettingKey, string>> = {};
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const place = `${path}, line ${index + 1}`;
    const at = line.indexOf('=');
    const key = line.slice(0, at).trim();
    if (at < 1) throw failure('BAD_SETTING', { place, why: 'it is not of the form key = value' });
    if (!Object.hasOwn(settingRows, key))
      throw failure('BAD_SETTING', { place, why: `no setting is called ${key}` });
    if (Object.hasOwn(found, key)) throw failure('BAD_SETTING', { place, why: `${key} stands there twice` });
    found[key as SettingKey] = line.slice(at + 1).trim();
    toSetting(key as SettingKey, found[key as SettingKey]!, place);
  }
  return found;
}

function toSetting<K extends SettingKey>(key: K, text: string, place: string): Settings[K] {
  try {
    return settingRows[key].parse(text) as Settings[K];
  } catch (error) {
    throw failure('BAD_SETTING', { place, why: `${key} ${(error as Error).message}` });
  }
}

/** All settings, of the texts given and the built-in ones. @throws BAD_SETTING */
export function toSettings(texts: SettingTexts, place = 'the command line'): Settings {
  const entries = keys.map((key) => [key, toSetting(key, texts[key] ?? settingRows[key].default, place)]);
  const settings = Object.fromEntries(entries) as Settings;
  if ((settings.certificate === '') !== (settings.certificateKey === ''))
    throw failure('BAD_SETTING', { place, why: 'certificate and certificateKey are given both, or none' });
  return settings;
}

/** A configuration file with every setting, what it means, and the value it has. */
export function printSettings(texts: SettingTexts): string {
  const blocks = keys.map((key) => {
    const row = settingRows[key];
    const value = texts[key] ?? row.default;
    const builtIn = value === row.default ? '' : ` (built-in: ${row.default || 'nothing'})`;
    return `# ${row.says}${builtIn}\n${`${key} = ${value}`.trimEnd()}\n`;
  });
  return `# Settings of 'iocage serve'.\n\n${blocks.join('\n')}`;
}
