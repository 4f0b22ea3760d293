/**
 * The MANIFEST of FreeBSD's distribution sets (release(7)): one line per set, separated by tabs: file
 * name, SHA-256, number of files, name, description, default. The first two are what fetch needs.
 */

/** The file is no MANIFEST; the message is in words. */
export class ManifestProblem extends Error {
  override readonly name = 'ManifestProblem';
}

/**
 * File name to SHA-256, lower case.
 *
 * @example parseManifest(`base.txz\t${'0'.repeat(64)}\t27\tbase\t"Base system"\ton\n`).get('base.txz')
 */
export function parseManifest(text: string): ReadonlyMap<string, string> {
  const digests = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const [file, sha256] = line.split('\t');
    if (!isSetName(file ?? '') || !/^[0-9a-f]{64}$/i.test(sha256 ?? '')) {
      throw new ManifestProblem(`line ${JSON.stringify(line.slice(0, 80))} is not FILE, tab, SHA-256`);
    }
    if (digests.has(file!)) throw new ManifestProblem(`${file} is listed twice`);
    digests.set(file!, sha256!.toLowerCase());
  }
  if (digests.size === 0) throw new ManifestProblem('it lists nothing');
  return digests;
}

/**
 * HardenedBSD's CHECKSUMS.SHA256, as sha256(1) and sha256sum(1) write them: a digest and a file on each line, in
 * either order, the file perhaps in parentheses. Lines about images and the like are passed over.
 *
 * @example parseChecksums(`SHA256 (base.txz) = ${'0'.repeat(64)}\n`).get('base.txz')
 */
export function parseChecksums(text: string): ReadonlyMap<string, string> {
  const digests = new Map<string, string>();
  for (const line of text.split('\n')) {
    const words = line.split(/\s+/).map((word) => word.replace(/^[(*]|\)$/g, ''));
    const sha256 = words.find((word) => /^[0-9a-f]{64}$/i.test(word));
    const file = words.find((word) => word.endsWith('.txz'));
    if (sha256 === undefined || file === undefined || !isSetName(file)) continue;
    if (digests.has(file)) throw new ManifestProblem(`${file} is listed twice`);
    digests.set(file, sha256.toLowerCase());
  }
  if (digests.size === 0) throw new ManifestProblem('it lists nothing');
  return digests;
}

/** A distribution set's file name: it becomes part of an address and of a path. */
export function isSetName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$/.test(name) && !name.includes('..');
}
