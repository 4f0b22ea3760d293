/**
 * pkg(8), freebsd-update(8), etcupdate(8), fetch(1): what they print and how they end; files are changed
 * only where a test looks for them (the version of a root, what fetch(1) gets).
 */
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Fail, findJail, flagsOf, known, usage, type Call, type Tool } from '../call.ts';
import { wordsOf } from '../documented.ts';
import type { Machine } from '../machine.ts';
import { clean, isBelow, mountOf } from '../paths.ts';
import { userlandOf } from './host.ts';

/** Whose packages: a jail's, a directory's, or those of where it runs. */
function packageRoot(call: Call, machine: Machine, flags: ReadonlyMap<string, readonly string[]>): string {
  const jail = flags.get('-j')?.at(-1);
  if (jail !== undefined) {
    const found = findJail(machine, jail);
    if (found === undefined) throw new Fail(`unable to attach to jail: ${jail}`);
    return found.params['path'] ?? '/';
  }
  const root = flags.get('-c')?.at(-1) ?? flags.get('-r')?.at(-1);
  if (root !== undefined) {
    if (!existsSync(root)) throw new Fail(`chdir() failed: ${root}: No such file or directory`);
    return root;
  }
  return machine.jails.find((one) => one.jid === call.jid)?.params['path'] ?? '/';
}

const agreed = (call: Call, flags: ReadonlyMap<string, readonly string[]>): void => {
  // Nobody is there to answer `Proceed with this action? [y/N]`.
  if (!flags.has('-y') && !flags.has('-n')) {
    call.out('Proceed with this action? [y/N]: ');
    throw new Fail('', 1, true);
  }
};

export const pkg: Tool = (call) => {
  const { flags, rest } = flagsOf(call, 'pkg');
  const [verb, ...words] = rest;
  const options = flags.get('-o') ?? [];
  // As 2.0.0 had it; later ones guess it, and say so each time.
  if (
    options.some((option) => option.startsWith('ABI=')) &&
    !options.some((option) => /^OSVERSION=\d+$/.test(option))
  )
    throw new Fail('Setting ABI requires setting OSVERSION as well\npkg: Cannot parse configuration file!');
  if (verb === undefined && flags.has('-N')) return 0;
  if (verb === undefined) throw usage('pkg');
  if (!known(call, 'pkg', 'verb', verb)) throw new Fail(`unknown command: ${verb}`, 64);
  const inner =
    wordsOf(`pkg ${verb}`, 'flag').size > 0
      ? flagsOf(call, `pkg ${verb}`, words)
      : { flags: new Map<string, string[]>(), rest: words };
  return call.store.change((machine) => {
    const root = packageRoot(call, machine, flags);
    const installed = (machine.packages[root] ??= []);
    const quiet = inner.flags.has('-q');
    const own = repositoryOf(call, machine, root);
    // pkg(7) is all that a jail has at first; it fetches the rest for whatever it is asked.
    if (call.jid !== 0 && !installed.includes('pkg') && verb !== 'bootstrap') {
      if (!own.boots) throw new Fail('Error fetching Latest/pkg.pkg: Not Found');
      installed.push('pkg');
    }
    switch (verb) {
      case 'update':
        if (!own.reached) throw new Fail('Repository FreeBSD cannot be opened: No address record');
        return 0;
      case 'fetch': {
        if (inner.rest.length === 0 && !inner.flags.has('-a')) throw usage('pkg');
        if (!own.reached) throw new Fail('Repository FreeBSD cannot be opened: No address record');
        // pkg 2.8 says so and ends with status 0.
        for (const name of inner.rest.filter((word) => !own.names.includes(word)))
          call.err(`pkg: No packages matching '${name}' have been found in the repositories\n`);
        agreed(call, inner.flags);
        const folder = inner.flags.get('-o')?.at(-1);
        if (folder === undefined) return 0;
        const at = hostPath(machine, root, folder, 'write');
        mkdirSync(join(at, 'All/Hashed'), { recursive: true });
        const there = inner.rest.filter((name) => own.names.includes(name));
        const wanted = there.flatMap((name) =>
          inner.flags.has('-d') ? [name, ...(needs[name] ?? [])] : [name],
        );
        for (const name of wanted) writeFileSync(join(at, `All/Hashed/${name}-1.0~0a1b2c.pkg`), `${name}\n`);
        return 0;
      }
      case 'repo': {
        const [folder, ...others] = inner.rest;
        if (folder === undefined || others.length > 0) throw usage('pkg');
        // pkg-repo(8): directories starting with a dot are not traversed.
        if (basename(folder).startsWith('.')) throw new Fail('No package files have been found');
        const at = hostPath(machine, root, folder, 'write');
        const names = readdirSync(join(at, 'All/Hashed')).map((file) => file.replace(/-[^-]*$/, ''));
        writeFileSync(join(at, 'data.pkg'), names.map((name) => `${name}\n`).join(''));
        writeFileSync(join(at, 'meta.conf'), 'version = 2;\n');
        return 0;
      }
      case 'install': {
        if (inner.rest.length === 0) throw usage('pkg');
        if (!own.reached) throw new Fail('Repository FreeBSD cannot be opened: No address record');
        const unknown = inner.rest.filter((name) => !own.names.includes(name));
        if (unknown.length > 0)
          throw new Fail(
            `No packages available to install matching '${unknown[0]}' have been found in the repositories`,
          );
        agreed(call, inner.flags);
        if (inner.flags.get('-r')?.at(-1) === 'FreeBSD-base') layBase(root, flags);
        const fresh = inner.rest.filter((name) => !installed.includes(name));
        // What lies in a repository of the machine's files is there already: -F has nothing to fetch.
        if (inner.flags.has('-F')) return 0;
        if (!inner.flags.has('-n')) installed.push(...fresh);
        note(root, installed);
        if (!quiet)
          call.out(
            fresh.length === 0
              ? 'The most recent versions of packages are already installed\n'
              : fresh
                  .map((name, index) => `[${index + 1}/${fresh.length}] Installing ${name}-1.0...\n`)
                  .join(''),
          );
        return 0;
      }
      case 'delete':
      case 'remove': {
        const missing = inner.rest.filter((name) => !installed.includes(name));
        if (missing.length > 0) throw new Fail(`No packages matched for pattern '${missing[0]}'\n`);
        agreed(call, inner.flags);
        machine.packages[root] = inner.flags.has('-a')
          ? []
          : installed.filter((name) => !inner.rest.includes(name));
        note(root, machine.packages[root]);
        return 0;
      }
      case 'bootstrap':
        if (!inner.flags.has('-y') && !inner.flags.has('-f')) agreed(call, inner.flags);
        if (!installed.includes('pkg')) installed.push('pkg');
        return 0;
      case 'upgrade':
        agreed(call, inner.flags);
        if (inner.flags.get('-r')?.at(-1) === 'FreeBSD-base') layBase(root, flags, machine.updates.latest);
        raiseVersions(root);
        return 0;
      case 'autoremove':
      case 'clean':
        agreed(call, inner.flags);
        return 0;
      case 'info': {
        const wanted =
          inner.rest.length === 0 ? installed : installed.filter((name) => inner.rest.includes(name));
        if (inner.flags.has('-e')) return wanted.length > 0 ? 0 : 1;
        if (inner.rest.length > wanted.length)
          throw new Fail(`No package(s) matching ${inner.rest.find((name) => !wanted.includes(name))}`);
        for (const name of wanted)
          call.out(quiet ? `${name}-1.0\n` : `${`${name}-1.0`.padEnd(30)} Package ${name}\n`);
        return 0;
      }
      case 'query': {
        const [format = '', ...names] = inner.rest;
        for (const name of installed.filter((one) => names.length === 0 || names.includes(one)))
          call.out(
            `${format
              .replaceAll('%n', name)
              .replaceAll('%v', name.startsWith('FreeBSD-') ? (userlandOf(root) ?? '1.0') : '1.0')
              .replaceAll('%o', `misc/${name}`)
              .replaceAll(String.raw`\t`, '\t')}\n`,
          );
        return 0;
      }
      default:
        return 0;
    }
  });
};

/** What `pkg fetch -d` brings besides. */
const needs: Readonly<Record<string, readonly string[]>> = { nginx: ['pcre2'] };

/** Where a path of a root lies on the host, through the directories that are shown there. */
function hostPath(machine: Machine, root: string, path: string, use: 'read' | 'write'): string {
  const full = clean(join(root, path));
  const mount = mountOf(machine, full);
  const shown = mount !== undefined && mount.type === 'nullfs' && isBelow(mount.on, root) ? mount : undefined;
  if (use === 'write' && shown?.options.includes('ro') === true)
    throw new Fail(`${path}: Read-only file system`);
  const at = shown === undefined ? full : join(shown.from, full.slice(shown.on.length));
  if (!existsSync(at)) throw new Fail(`${path}: No such file or directory`);
  return at;
}

/** Which packages there are for a root: those of REPOS_DIR, pkg.conf(5), or those of a network. */
function repositoryOf(
  call: Call,
  machine: Machine,
  root: string,
): { readonly names: readonly string[]; readonly reached: boolean; readonly boots: boolean } {
  const folder = call.env['REPOS_DIR'];
  if (folder === undefined) {
    const params = machine.jails.find((one) => one.jid === call.jid)?.params;
    const cut = params !== undefined && params['ip4'] === 'disable' && params['ip6'] === 'disable';
    return { names: machine.repository, reached: !cut, boots: !cut };
  }
  const at = hostPath(machine, root, folder, 'read');
  const confs = readdirSync(at).filter((name) => name.endsWith('.conf'));
  const [url] = confs.flatMap(
    (name) =>
      /^[\w-]+: \{\s[^]*url: "file:\/\/([^"]+)"/.exec(readFileSync(join(at, name), 'utf8'))?.[1] ?? [],
  );
  if (confs.length !== 1 || url === undefined) throw new Fail('No active remote repositories configured.');
  const place = hostPath(machine, root, url, 'read');
  if (!existsSync(join(place, 'meta.conf'))) throw new Fail(`Repository ${url} has no meta.conf`);
  const names = readFileSync(join(place, 'data.pkg'), 'utf8').split('\n').filter(Boolean);
  return { names, reached: true, boots: existsSync(join(place, 'Latest/pkg.pkg')) };
}

/** What a jail's own program reads in the place of a data base, where a jail has one. */
const local = 'var/db/pkg/local.sqlite';

function note(root: string, installed: readonly string[]): void {
  if (!existsSync(join(root, 'usr/sbin/pkg'))) return;
  mkdirSync(join(root, dirname(local)), { recursive: true });
  writeFileSync(join(root, local), installed.map((name) => `${name}\t1.0\n`).join(''));
}

function raiseVersions(root: string): void {
  const path = join(root, local);
  if (existsSync(path)) writeFileSync(path, readFileSync(path, 'utf8').replaceAll('\t1.0\n', '\t1.1\n'));
}

/** The base system of the one repository that is named, as far as its version; verified by keys below the root. */
function layBase(
  root: string,
  flags: ReadonlyMap<string, readonly string[]>,
  latest: Readonly<Record<string, string>> = {},
): void {
  const folder = flags.get('-R')?.at(-1);
  const conf = folder === undefined ? '' : readFileSync(join(folder, 'FreeBSD-base.conf'), 'utf8');
  const [, major, minor] = /url: "[^"]*\/FreeBSD:(\d+):\w+\/base_release_(\d+)"/.exec(conf) ?? [];
  const keys = /fingerprints: "([^"]*)"/.exec(conf)?.[1];
  if (major === undefined || keys === undefined || !conf.startsWith('FreeBSD-base: {'))
    throw new Fail('No repositories are enabled.');
  if (!existsSync(join(root, keys, 'trusted'))) throw new Fail('No trusted public keys found');
  if (!flags.get('-o')?.some((option) => option.startsWith(`ABI=FreeBSD:${major}:`)))
    throw new Fail('repository FreeBSD-base contains packages for wrong OS version');
  const release = `${major}.${minor}-RELEASE`;
  for (const folder of ['etc', 'usr/sbin']) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, 'usr/sbin/pkg'), 'pkg(7)\n');
  setUserland(root, latest[release] ?? release);
}

function needDirectory(name: string, path: string): void {
  try {
    if (!statSync(path).isDirectory()) throw new Error('not a directory');
    accessSync(path, constants.W_OK);
  } catch {
    throw new Fail(`${name}: Directory does not exist or is not writable: ${path}`, 1, true);
  }
}

function setUserland(root: string, version: string): void {
  const path = join(root, 'bin/freebsd-version');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '#!/bin/sh\nUSERLAND_VERSION=""\n';
  mkdirSync(join(root, 'bin'), { recursive: true });
  writeFileSync(path, text.replace(/^USERLAND_VERSION=.*$/m, `USERLAND_VERSION="${version}"`), {
    mode: 0o755,
  });
}

/**
 * What the script of 15 does before anything else: it asks pkg(8) of the host about the root, and pkg reads the pkg.conf(5)
 * there. Only the environment outdoes that file; PKG_CONFIG_FILE, which newer ones have instead, is not counted on.
 */
function askPkg({ env }: Call, machine: Machine, base: string): void {
  const path = join(base, 'usr/local/etc/pkg.conf');
  const conf = base !== '/' && existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (/^\s*PLUGINS\b/m.test(conf) && env['PKG_ENABLE_PLUGINS'] !== 'no')
    throw new Fail(`the host loads a plugin of ${base}`);
  if (/^\s*ALIAS\b/m.test(conf) && !/^\w+=\w+$/.test(env['ALIAS'] ?? ''))
    throw new Fail(`the host runs an alias of ${base}`);
  if (machine.packages[base]?.includes('FreeBSD-runtime'))
    throw new Fail(
      'freebsd-update is incompatible with the use of packaged base.  Please see\nhttps://wiki.freebsd.org/PkgBase for more information.',
      1,
      true,
    );
}

/** At the end of an installation, with the host's cap_mkdb(1), pwd_mkdb(8), makewhatis(8), certctl(8): they follow links. */
function rebuild(base: string): void {
  const at = (path: string): string => join(base, path);
  const through = (path: string): void => writeFileSync(at(path), 'stand-in\n');
  if (existsSync(at('etc/login.conf'))) through('etc/login.conf.db');
  for (const folder of ['usr/share/man', 'usr/share/openssl/man'])
    if (existsSync(at(folder))) {
      through(`${folder}/mandoc.db~`);
      renameSync(at(`${folder}/mandoc.db~`), at(`${folder}/mandoc.db`));
    }
  for (const folder of ['etc/ssl/certs', 'etc/ssl/untrusted'])
    for (const name of existsSync(at(folder)) ? readdirSync(at(folder)) : [])
      if (/^[0-9a-f]{8}\.\d+$/.test(name)) {
        through(`${folder}/.${name}`);
        renameSync(at(`${folder}/.${name}`), at(`${folder}/${name}`));
      }
}

const plainRelease = (version: string): string => version.replace(/-p\d+$/, '');

/** The script looks at the version of what runs (`uname -r`) unless it is told another one. */
export const freebsdUpdate: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (rest.length === 0) throw usage('freebsd-update');
  for (const verb of rest) if (!known(call, 'freebsd-update', 'verb', verb)) throw usage('freebsd-update');
  // `config_BaseDir $1`: without quotes, so of two words it takes the first.
  const base = flags.get('-b')?.at(-1)?.split(/\s/)[0] ?? '/';
  const work = flags.get('-d')?.at(-1)?.split(/\s/)[0] ?? '/var/db/freebsd-update';
  const conf = flags.get('-f')?.at(-1);
  const interactive = flags.has('--not-running-from-cron');
  return call.store.change((machine) => {
    askPkg(call, machine, base);
    for (const verb of rest) {
      if (conf !== undefined && !existsSync(conf))
        throw new Fail(`freebsd-update: Configuration file does not exist: ${conf}`, 1, true);
      if (!existsSync(base)) throw new Fail(`freebsd-update: Directory does not exist: ${base}`, 1, true);
      if (flags.has('-d')) needDirectory('freebsd-update', work);
      const running = flags.get('--currently-running')?.at(-1) ?? userlandOf(base) ?? machine.release;
      if ((verb === 'fetch' || verb === 'upgrade') && !interactive)
        throw new Fail(
          `freebsd-update ${verb} should not be run non-interactively.\nRun freebsd-update cron instead.`,
          1,
          true,
        );
      if (verb === 'upgrade') {
        const wanted = flags.get('-r')?.at(-1);
        if (wanted === undefined)
          throw new Fail('freebsd-update: Release target must be specified via -r option.', 1, true);
        if (wanted === plainRelease(running))
          throw new Fail(`freebsd-update: Cannot upgrade from ${wanted} to itself`, 1, true);
        machine.updates.fetched[base] = machine.updates.latest[wanted] ?? wanted;
        call.out(`To install the downloaded upgrades, run 'freebsd-update [options] install'.\n`);
      } else if (verb === 'fetch' || verb === 'cron') {
        const latest = machine.updates.latest[plainRelease(running)] ?? running;
        if (latest === running) {
          delete machine.updates.fetched[base];
          call.out(`\nNo updates needed to update system to ${latest}.\n`);
        } else {
          machine.updates.fetched[base] = latest;
          call.out(
            `\nThe following files will be updated as part of updating to\n${latest}:\n/bin/freebsd-version\n`,
          );
          if (machine.updates.modified.length > 0)
            call.out(
              'The following files are affected by updates. No changes have\nbeen downloaded, however, because the files have been modified\n' +
                `locally:\n${machine.updates.modified.join('\n')}\n\n`,
            );
        }
        if (machine.updates.ended.includes(plainRelease(running))) {
          call.out(
            `\nWARNING: FreeBSD ${running} HAS PASSED ITS END-OF-LIFE DATE.\nAny security issues discovered after then\nwill not have been corrected.\n`,
          );
          return 1;
        }
      } else if (verb === 'install') {
        const fetched = machine.updates.fetched[base];
        if (fetched === undefined && rest.includes('fetch')) continue;
        if (fetched === undefined) {
          call.out("No updates are available to install.\nRun 'freebsd-update [options] fetch' first.\n");
          return 2;
        }
        machine.updates.installed[base] = running;
        delete machine.updates.fetched[base];
        setUserland(base, fetched);
        rebuild(base);
        call.out('Installing updates... done.\n');
      } else if (verb === 'rollback') {
        const before = machine.updates.installed[base];
        if (before === undefined) throw new Fail('No rollback directory found.', 1, true);
        delete machine.updates.installed[base];
        setUserland(base, before);
        call.out('Uninstalling updates... done.\n');
      } else if (verb === 'updatesready') {
        if (machine.updates.fetched[base] !== undefined)
          call.out('There are updates available to install.\n');
        else {
          call.out('No updates are available to install.\n');
          return 2;
        }
      }
    }
    return 0;
  });
};

export const etcupdate: Tool = (call) => {
  const [first = '', ...others] = call.words;
  const verb = known(call, 'etcupdate', 'verb', first) ? first : 'update';
  if (verb === 'update' && first !== '' && !first.startsWith('-')) throw usage('etcupdate');
  const { flags, rest } = flagsOf(call, 'etcupdate', verb === 'update' ? call.words : others);
  if (rest.length > 0 && verb !== 'build' && verb !== 'revert') throw usage('etcupdate');
  for (const flag of ['-D', '-s']) {
    const path = flags.get(flag)?.at(-1);
    if (path !== undefined && !existsSync(path)) throw new Fail(`Directory ${path} does not exist.`, 1, true);
  }
  if ((verb === 'update' || verb === 'extract') && flags.has('-s') && flags.has('-t'))
    throw new Fail('The -s and -t options conflict.', 1, true);
  const work = flags.get('-d')?.at(-1) ?? `${flags.get('-D')?.at(-1) ?? ''}/var/db/etcupdate`;
  if (verb === 'update' && !existsSync(join(work, 'current')) && !flags.has('-n'))
    throw new Fail('No previous tree to compare against, a sane comparison is not possible.', 1, true);
  if (verb === 'extract') mkdirSync(join(work, 'current'), { recursive: true });
};

export const fetch: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (rest.length === 0) throw usage('fetch');
  const { remote } = call.store.read();
  let status = 0;
  for (const url of rest) {
    const source = remote[url];
    const name = flags.get('-o')?.at(-1) ?? basename(new URL(url).pathname);
    if (source === undefined) {
      call.err(`fetch: ${url}: Not Found\n`);
      status = 1;
    } else if (flags.has('-s')) call.out(`${statSync(source).size}\n`);
    else if (name === '-') call.out(readFileSync(source, 'utf8'));
    else
      copyFileSync(
        source,
        existsSync(name) && statSync(name).isDirectory() ? join(name, basename(new URL(url).pathname)) : name,
      );
  }
  return status;
};
