/** What several hints of the error table have in common: which word of a message can be looked up. Pure. */

/** Words of the operations' inputs that no property is called; `test/unit/domain/errors.test.ts` compares them. */
const inputWords = new Set(
  (
    'limit keys out expect files packages ' +
    'input templates sort kind name properties createdAt jail jails snapshot uuid soft argv hostUser jailUser ' +
    'image packing hooks action force file url sha256 suite mirror variant include server directory localDirectory ' +
    'sets verify key recursive parallel create add remove uuids folder what ' +
    'at replace text fstab health update ' +
    'host config offer streams resumable ' +
    'to basejails short storeAll thick keepProxy path ' +
    'listen verb role certificate neededBy ' +
    'overrides source to archive manifests pkgbase ' +
    'plugin plugins names'
  ).split(' '),
);

/** Whether an issue's path can be looked up with `iocage help`; this table cannot ask the properties, which use it. */
export function isLikelyKey(path: string): boolean {
  const first = /^([A-Za-z][A-Za-z0-9_]*)(?:\.[a-z]+)?$/.exec(path)?.[1];
  return first !== undefined && !inputWords.has(first);
}

/** Linux would load some of these programs and take their system calls for other ones. */
export const freebsdPrograms = "its programs are FreeBSD's, which this kernel cannot run";

/** Each reason why a jail does not start begins with the property at fault, when there is one: `ip4_addr: …`. */
export function startHint(name: string, why: string): string {
  if (why.includes(freebsdPrograms))
    return `'iocage fetch' gets a release for this host; 'iocage create' makes a jail of it that the data can go to`;
  const keys = [...why.matchAll(/(?:^|; )([a-z][a-z0-9_]*): /g)].map(([, key]) => key!);
  const key = keys.find((word) => isLikelyKey(word) && word !== 'root');
  if (key !== undefined)
    return `'iocage get ${key} ${name}' shows the value, 'iocage help ${key}' what it may be`;
  return keys.includes('fstab')
    ? `'iocage fstab -l ${name}' shows the mounts, 'iocage fstab -e ${name}' edits them`
    : `'iocage get -l all ${name}' shows how it is configured`;
}

/** Of clones that snapmount made: what takes the first of them away. */
function unmountHint(clones: readonly string[]): string | undefined {
  const mounted = clones.flatMap((name) => /^[^/]+\/iocage\/snapmounts\/([^/:]+):([^/]+)/.exec(name) ?? []);
  return mounted.length === 0 ? undefined : `iocage snapumount ${mounted[1]}@${mounted[2]}`;
}

/** What to do about clones: what `snapmount` made is unmounted, jails are destroyed or promoted. */
export function clonesHint(clones: readonly string[]): string {
  // After 'iocage promote' of a jail that was cloned from it.
  const release = clones.find((clone) => /\/iocage\/releases\/[^/]+\/root$/.test(clone));
  if (release !== undefined) return `make the release independent again with 'zfs promote ${release}'`;
  const [name] = clones.filter((clone) => !clone.includes('/'));
  const word = name === undefined ? 'JAIL' : (/\((.+)\)$/.exec(name)?.[1] ?? name);
  return unmountHint(clones) ?? `destroy those first, or make them independent with 'iocage promote ${word}'`;
}
