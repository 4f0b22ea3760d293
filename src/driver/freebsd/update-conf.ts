/**
 * The freebsd-update.conf(5) that a root is updated with: this host's, with the components that a jail has. Never
 * that of the root: it names the server and the key that are trusted, and a jail's root user may write to it.
 */

/** What a host without the file would have; the key is that of FreeBSD's security officer. */
const usual = `KeyPrint 800651ef4b4c71c27e60786d7b487188970f4b4169cc055784e21eb71d410cc5
ServerName update.FreeBSD.org
Components world
UpdateIfUnmodified /etc/ /var/ /root/ /.cshrc /.profile
`;

/** Words of the file that say where it works, which are told otherwise. */
const told = /^\s*(Components|BaseDir|WorkDir|CreateBootEnv|BackupKernel)\b/;

/** @param text this host's file, when it has one */
export function updateConf(text: string | undefined, components: readonly string[]): string {
  const kept = (text ?? usual).split('\n').filter((line) => line.trim() !== '' && !told.test(line));
  return `${[...kept, `Components ${components.join(' ')}`].join('\n')}\n`;
}
