/** Jails of Bastille, ezjail, pot and jail.conf as files in a directory, with root file systems that can be told apart. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const fixtures = join(import.meta.dirname, '../fixtures/adopt');

/** Plants all of them, with `PLACE` in their texts for the directory, which is there. */
export function plantAdopted(place: string): void {
  cpSync(fixtures, place, { recursive: true });
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    // Bastille keeps its jails and releases below a directory of its own.
    const top = file.includes('/bastille/') ? join(place, 'bastille') : place;
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('PLACE', top));
  }
  const tree = (path: string, files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) {
      const at = join(place, path, name);
      mkdirSync(join(at, '..'), { recursive: true });
      writeFileSync(at, text);
    }
  };
  tree('bastille/releases/14.1-RELEASE', { 'bin/sh': 'base', 'usr/share/x': 'base' });
  tree('bastille/jails/web/root', { 'etc/hosts': 'web', '.template/x': '', 'dev/null': 'not copied' });
  mkdirSync(join(place, 'bastille/jails/web/root/.bastille'));
  symlinkSync('/.bastille/bin', join(place, 'bastille/jails/web/root/bin'));
  tree('bastille/jails/vnet/root', { 'etc/hosts': 'vnet' });
  tree('jails/basejail', { 'bin/sh': 'base' });
  tree('jails/mail.example.org', { 'etc/hosts': 'mail' });
  symlinkSync('/basejail/bin', join(place, 'jails/mail.example.org/bin'));
  tree('pot/jails/alone/m', { 'etc/hosts': 'alone' });
  tree('plain/foo', { 'etc/hosts': 'foo' });
  tree('templates/base', { 'bin/sh': 'base', 'etc/hosts': 'base' });
  tree('plain/thin', { 'etc/hosts': 'thin' });
}
