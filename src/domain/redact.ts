/**
 * Takes out of a text what nobody should hand to strangers: passwords in addresses, and values that are
 * called a password, token, secret or key. What it cannot know it leaves; a person still looks. Pure.
 */

const mark = '[removed]';

// Every pattern begins with fixed letters and bounds what may follow, so that long texts take no long time.

/** `user:password@` and `token@` between `//` and the host of an address. */
const inAddress = /(:\/\/)[^\s/@'"]{1,512}@/g;

/** `--password WORD`, `PASSWORD=WORD`, `"apiKey": "WORD"`. */
const named =
  /((?:passw(?:or)?d|passphrase|secret|token|credential|(?:api|private|access)[_-]?key)[\w.-]{0,64}["']?(?:\s{0,8}[=:]\s{0,8}|\s{1,8}))("[^"\n]{0,4096}"|'[^'\n]{0,4096}'|[^\s,;"']{1,4096})/gi;

/** `encryption_key=WORD`, `PASS: WORD`, `MYSQL_PWD=WORD`; words too short to be trusted without the sign after them. */
const assigned =
  /((?:pass|pwd|psk|key)["']?\s{0,8}[=:]\s{0,8})("[^"\n]{1,4096}"|'[^'\n]{1,4096}'|[^\s,;"']{1,4096})/gi;

/** `Authorization: Bearer WORD`, also inside of a command line. */
const authorization =
  /(authorization["']?\s{0,8}[=:]\s{0,8}["']?(?:basic|bearer|digest)?\s{0,8})[^\s"',;]{1,4096}/gi;

/** A key or certificate in PEM: everything between its two lines. */
const pem = /(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/**
 * @example redact('fetch https://me:pw@example.org/x') === 'fetch https://[removed]@example.org/x'
 */
export function redact(text: string): string {
  return text
    .replace(pem, `$1${mark}$2`)
    .replace(inAddress, `$1${mark}@`)
    .replace(authorization, `$1${mark}`)
    .replace(named, `$1${mark}`)
    .replace(assigned, `$1${mark}`);
}
