/**
 * The server's TLS certificate: the user's own, or a self-signed one that openssl(1) makes at the
 * first start. Clients of the original take a certificate whose only faults are that it is
 * self-signed and bears another name, so this is a leaf of its own and no chain.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { hostname } from 'node:os';
import type { Exec, Files } from '../driver/system.ts';
import { makeServeDirectory } from './accounts.ts';
import { failure } from '../domain/errors.ts';
import { trustProblem } from './trusted-file.ts';

export interface ServerCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** SHA-256 of the certificate, for people to compare. */
  readonly fingerprint: string;
  readonly made: boolean;
}

const days = 1024;

async function readPair(files: Files, path: string, keyPath: string): Promise<ServerCertificate | undefined> {
  const [certificate, key] = await Promise.all([files.read(path), files.read(keyPath)]);
  if (certificate === undefined || key === undefined) return undefined;
  try {
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(createPrivateKey(key)))
      throw new Error(`${keyPath} is the key of another one`);
    if (Date.parse(parsed.validTo) < Date.now()) throw new Error(`it ended on ${parsed.validTo}`);
    return { certificate, key, fingerprint: parsed.fingerprint256, made: false };
  } catch (error) {
    throw failure('CERTIFICATE_FAILED', { path, why: (error as Error).message }, { cause: error });
  }
}

/** The user's own certificate. @throws CERTIFICATE_FAILED */
export async function readCertificate(
  files: Files,
  path: string,
  keyPath: string,
): Promise<ServerCertificate> {
  const why = (await trustProblem(files, keyPath, true)) ?? (await trustProblem(files, path));
  if (why !== undefined) throw failure('CERTIFICATE_FAILED', { path, why });
  const found = await readPair(files, path, keyPath);
  if (found === undefined) throw failure('CERTIFICATE_FAILED', { path, why: 'it, or its key, is not there' });
  return found;
}

/** The certificate in a directory of the server's own, made when it is not there. */
export async function ownCertificate(
  exec: Exec,
  files: Files,
  directory: string,
): Promise<ServerCertificate> {
  const [path, keyPath] = [`${directory}/tls.crt`, `${directory}/tls.key`];
  const found = await readPair(files, path, keyPath);
  if (found !== undefined) return found;
  await makeServeDirectory(files, keyPath);
  // The key comes through a pipe and is written with mode 0600 from its first moment.
  const { stdout: key } = await exec.read(
    ['openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    { timeoutMs: 120_000 },
  );
  await files.write(keyPath, key, { mode: 0o600 });
  const host =
    hostname()
      .replace(/[^A-Za-z0-9.-]/g, '-')
      .slice(0, 60) || 'localhost';
  const names = [...new Set([host, 'localhost'])].map((name) => `DNS:${name}`);
  const { stdout: certificate } = await exec.read(
    [
      ...['openssl', 'req', '-new', '-x509', '-sha256', '-days', String(days)],
      ...['-key', keyPath, '-subj', `/CN=${host}`],
      ...['-addext', `subjectAltName=${[...names, 'IP:127.0.0.1', 'IP:::1'].join(',')}`],
      ...['-addext', 'extendedKeyUsage=serverAuth'],
    ],
    { timeoutMs: 60_000 },
  );
  await files.write(path, certificate, { mode: 0o644 });
  const made = await readPair(files, path, keyPath);
  if (made === undefined) throw failure('CERTIFICATE_FAILED', { path, why: 'it could not be written' });
  return { ...made, made: true };
}
