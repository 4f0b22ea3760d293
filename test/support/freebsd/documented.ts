/**
 * Every word of FreeBSD's tools that this project may use, with the manual page that documents it and the
 * oldest release that has it. The stand-in takes its grammar from here, `docs/freebsd-reference.md` is
 * printed from here, and `undocumented()` (grammar.ts) holds the driver's command lines against it: one
 * table instead of three lists. A word that is not here is refused, even where some release takes it.
 *
 * Releases: 12 stands for 12 and everything before. Where the exact minor release is not certain from a
 * manual page, the newer one stands here, so that nobody relies on a word too early.
 */

export type Kind =
  | 'flag'
  | 'verb'
  | 'parameter'
  | 'pseudo-parameter'
  | 'word'
  | 'condition'
  | 'action'
  | 'resource'
  | 'type'
  | 'option'
  | 'variable'
  | 'module';

export interface Row {
  /** The program, or the program and its verb: `devfs rule`. */
  readonly tool: string;
  readonly kind: Kind;
  readonly word: string;
  /** What follows the word: a type, or a name for people; undefined when nothing may. */
  readonly value: string | undefined;
  /** Where a kernel sets it by itself: what a new jail has. */
  readonly initial: string | undefined;
  readonly since: number;
  readonly page: string;
}

/** Words as `NAME`, `NAME=VALUE` (a value follows) or `NAME=VALUE=INITIAL`, by the release that brought them. */
type Words = Readonly<Record<number, string>>;

function rows(tool: string, kind: Kind, page: string, words: Words): Row[] {
  return Object.entries(words).flatMap(([since, text]) =>
    text
      .trim()
      .split(/\s+/)
      .map((entry) => {
        const [word = '', value, initial] = entry.split('=');
        return { tool, kind, word, value, initial, since: Number(since), page };
      }),
  );
}

const jail: Row[] = [
  ...rows('jail', 'flag', 'jail(8)', {
    12: '-c -m -r -R -d -h -i -l -q -v -e=separator -f=file -J=file -n=name -p=limit -s=level -u=user -U=user',
    15: '-C',
  }),
  ...rows('jail', 'parameter', 'jail(8)', {
    12: `jid=int name=text path=text=/ securelevel=int=-1 devfs_ruleset=int=0 children.max=int=0
      enforce_statfs=int=2 persist=bool=false osrelease=text osreldate=int
      host=jailsys=new host.hostname=text host.domainname=text host.hostuuid=text host.hostid=uint
      ip4=jailsys=disable ip4.addr=addresses4 ip4.saddrsel=bool=true
      ip6=jailsys=disable ip6.addr=addresses6 ip6.saddrsel=bool=true vnet=jailsys=inherit
      sysvmsg=jailsys=disable sysvsem=jailsys=disable sysvshm=jailsys=disable
      allow.set_hostname=bool=true allow.sysvipc=bool=false allow.raw_sockets=bool=false
      allow.chflags=bool=false allow.mount=bool=false allow.mount.devfs=bool=false
      allow.mount.fdescfs=bool=false allow.mount.fusefs=bool=false allow.mount.nullfs=bool=false
      allow.mount.procfs=bool=false allow.mount.linprocfs=bool=false allow.mount.linsysfs=bool=false
      allow.mount.tmpfs=bool=false allow.mount.zfs=bool=false allow.quotas=bool=false
      allow.read_msgbuf=bool=false allow.socket_af=bool=false allow.mlock=bool=false
      allow.reserved_ports=bool=true allow.vmm=bool=false allow.unprivileged_proc_debug=bool=true
      linux=jailsys=inherit linux.osname=text linux.osrelease=text linux.oss_version=int`,
    13: 'allow.suser=bool=true',
    14: 'allow.nfsd=bool=false zfs=jailsys=inherit zfs.mount_snapshot=int=0',
    15: `allow.extattr=bool=false allow.adjtime=bool=false allow.settime=bool=false allow.routing=bool=false
      allow.unprivileged_parent_tampering=bool=false meta=text env=text`,
  }),
  ...rows('jail', 'pseudo-parameter', 'jail(8)', {
    12: `exec.prestart=commands exec.created=commands exec.start=commands command=rest exec.poststart=commands
      exec.prestop=commands exec.stop=commands exec.poststop=commands exec.clean=bool exec.jail_user=user
      exec.system_jail_user=bool exec.system_user=user exec.timeout=int exec.consolelog=path exec.fib=int
      stop.timeout=int interface=nic vnet.interface=nics ip_hostname=bool mount=fstab-line mount.fstab=path
      mount.devfs=bool mount.fdescfs=bool mount.procfs=bool allow.dying=bool depend=jails`,
    13: 'exec.prepare=commands exec.release=commands',
    15: 'zfs.dataset=datasets',
  }),
  // Read by jls(8) only.
  ...rows('jls', 'parameter', 'jail(8)', { 12: 'cpuset.id dying parent children.cur all' }),
  ...rows('jls', 'flag', 'jls(8)', { 12: '-d -h -N -n -q -s -v -j=jail --libxo=style', 15: '-c' }),
  ...rows('jexec', 'flag', 'jexec(8)', { 12: '-l -u=user -U=user', 15: '-d=directory' }),
];

const mounts: Row[] = [
  ...rows('mount', 'flag', 'mount(8)', {
    12: '-a -d -f -F=fstab -L -l -n -o=options -p -r -t=type -u -v -w',
  }),
  ...rows('mount', 'type', 'mount(8)', {
    12: 'nullfs devfs fdescfs procfs linprocfs linsysfs tmpfs unionfs zfs ufs',
  }),
  ...rows('mount', 'option', 'mount(8)', {
    12: `ro rw noatime noexec nosuid nosymfollow late noauto union force sync async update nocover failok
      automounted current reload snapshot`,
    13: 'emptydir',
  }),
  ...rows('mount devfs', 'option', 'devfs(5)', { 12: 'ruleset=number' }),
  ...rows('mount fdescfs', 'option', 'fdescfs(5)', { 12: 'linrdlnk', 14: 'nodup' }),
  ...rows('mount nullfs', 'option', 'mount_nullfs(8)', { 12: 'cache nocache' }),
  ...rows('mount tmpfs', 'option', 'tmpfs(5)', {
    12: 'size=bytes mode=octal uid=user gid=group inodes=count maxfilesize=bytes nonc',
    13: 'nomtime',
    14: 'pgread easize=bytes',
  }),
  ...rows('mount unionfs', 'option', 'mount_unionfs(8)', {
    12: 'below copymode=mode whiteout=when udir=octal ufile=octal uid=user gid=group',
  }),
  ...rows('mount_nullfs', 'flag', 'mount_nullfs(8)', { 12: '-o=options' }),
  ...rows('umount', 'flag', 'umount(8)', { 12: '-A -a -f -n -v -F=fstab -h=host -t=type', 13: '-N' }),
  ...rows('devfs', 'flag', 'devfs(8)', { 12: '-m=mount-point -s=ruleset' }),
  ...rows('devfs', 'verb', 'devfs(8)', { 12: 'rule ruleset' }),
  ...rows('devfs rule', 'flag', 'devfs(8)', { 12: '-s=ruleset' }),
  ...rows('devfs rule', 'verb', 'devfs(8)', { 12: 'add apply applyset del delset show showsets' }),
  ...rows('devfs rule', 'condition', 'devfs(8)', { 12: 'path=pattern type=devtype' }),
  ...rows('devfs rule', 'action', 'devfs(8)', {
    12: 'group=gid hide include=ruleset mode=octal user=uid unhide',
  }),
  ...rows('zfs', 'verb', 'zfs-jail(8)', { 12: 'jail unjail' }),
];

const network: Row[] = [
  ...rows('ifconfig', 'flag', 'ifconfig(8)', {
    12: '-a -d -f=format -g=group -k -L -l -m -n -u -v',
    15: '-j=jail',
  }),
  ...rows('ifconfig', 'type', 'ifconfig(8)', { 12: 'inet inet6 ether=address link=address lladdr=address' }),
  ...rows('ifconfig', 'word', 'ifconfig(8)', {
    12: `create plumb destroy unplumb up down name=nic mtu=bytes metric=count fib=number tunnelfib=number
      netmask=mask broadcast=address prefixlen=bits alias add -alias delete remove eui64 no_dad
      description=text descr=text -description -descr group=name -group=name vnet=jail -vnet=jail
      promisc -promisc arp -arp debug -debug monitor -monitor
      rxcsum -rxcsum txcsum -txcsum rxcsum6 -rxcsum6 txcsum6 -txcsum6 tso -tso tso4 -tso4 tso6 -tso6 lro -lro
      vlanhwtag -vlanhwtag vlanhwfilter -vlanhwfilter vlanhwtso -vlanhwtso vlanmtu -vlanmtu
      vlan=tag vlandev=nic -vlandev vhid=number pass=text advskew=number
      accept_rtadv -accept_rtadv no_radr -no_radr auto_linklocal -auto_linklocal ifdisabled -ifdisabled
      nud -nud prefer_source -prefer_source`,
  }),
  ...rows('ifconfig', 'word', 'if_bridge(4), ifconfig(8)', {
    12: `addm=nic deletem=nic private=nic -private=nic stp=nic -stp=nic edge=nic -edge=nic learn=nic -learn=nic
      discover=nic -discover=nic sticky=nic -sticky=nic span=nic -span=nic flush flushall maxaddr=count
      timeout=seconds`,
  }),
  ...rows('ifconfig', 'module', 'ifconfig(8), epair(4), if_bridge(4), lo(4), vlan(4), gif(4), tun(4)', {
    12: 'epair bridge lo vlan gif tap tun lagg',
  }),
  ...rows('route', 'flag', 'route(8)', { 12: '-4 -6 -d -n -q -t -v', 15: '-j=jail' }),
  ...rows('route', 'verb', 'route(8)', { 12: 'add delete del change get show flush monitor' }),
  ...rows('route', 'word', 'route(8)', {
    12: `-net -host -inet -inet6 -interface -iface -fib=number -netmask=mask -prefixlen=bits -mtu=bytes -static
      -reject -blackhole -ifp=nic -ifa=address -4 -6 -gateway=address -n -q`,
  }),
  ...rows('netstat', 'flag', 'netstat(1)', {
    12: '-a -b -d -f=family -F=fib -g -h -I=nic -i -L -m -n -p=protocol -q -R -r -s -T -W -x -w=seconds --libxo=style',
    15: '-j=jail',
  }),
  ...rows('pfctl', 'flag', 'pfctl(8)', {
    12: `-A -a=anchor -D=macro -d -e -F=what -f=file -g -h -i=nic -K=host -k=host -m -N -n -O -o=level -P -p=device
      -q -R -r -S -s=what -T=command -t=table -v -x=level -z`,
  }),
  ...rows('pfctl -F', 'word', 'pfctl(8)', {
    12: 'nat queue rules states Sources info Tables osfp all ethernet',
  }),
  ...rows('pfctl -s', 'word', 'pfctl(8)', {
    12: 'nat queue rules Anchors states Sources info Running labels timeouts memory Tables osfp Interfaces all',
  }),
  ...rows('ipfw', 'flag', 'ipfw(8)', { 12: '-a -b -c -d -e -f -i -N -n -p=preproc -q -S -s -T -t -v' }),
  ...rows('ipfw', 'verb', 'ipfw(8)', {
    12: 'add delete list show flush zero resetlog set table nat pipe queue enable disable',
  }),
  ...rows('rtsol', 'flag', 'rtsol(8)', { 12: '-a -D -d -F -i' }),
  ...rows('rtsold', 'flag', 'rtsold(8)', { 12: '-a -D -d -F -f -m -1' }),
  ...rows('dhclient', 'flag', 'dhclient(8)', { 12: '-b -d -q -u -c=file -l=file -p=file', 13: '-n' }),
];

const limits: Row[] = [
  ...rows('rctl', 'flag', 'rctl(8)', { 12: '-a -h -l -n -r -u' }),
  ...rows('rctl', 'type', 'rctl(8)', { 12: 'process user loginclass jail' }),
  ...rows('rctl', 'resource', 'rctl(8)', {
    12: `cputime datasize stacksize coredumpsize memoryuse memorylocked maxproc openfiles vmemoryuse
      pseudoterminals swapuse nthr msgqqueued msgqsize nmsgq nsem nsemop nshm shmsize wallclock pcpu
      readbps writebps readiops writeiops`,
  }),
  // signal(3) has the signals; any of them may stand for what befalls the process.
  ...rows('rctl', 'action', 'rctl(8), signal(3)', {
    12: `deny log devctl throttle sighup sigint sigquit sigill sigtrap sigabrt sigemt sigfpe sigkill sigbus
      sigsegv sigsys sigpipe sigalrm sigterm sigurg sigstop sigtstp sigcont sigchld sigttin sigttou sigio
      sigxcpu sigxfsz sigvtalrm sigprof sigwinch siginfo sigusr1 sigusr2`,
  }),
  ...rows('cpuset', 'flag', 'cpuset(1)', {
    12: '-C -c -g -i -r -d=domain -j=jail -l=cpus -n=policy -p=pid -s=set -t=thread -x=irq',
  }),
];

const system: Row[] = [
  ...rows('sysctl', 'flag', 'sysctl(8)', {
    12: '-A -a -B=bytes -b -d -e -f=file -h -i -N -n -o -q -T -t -W -X -x',
    15: '-j=jail -l',
  }),
  ...rows('sysctl', 'variable', 'sysctl(8), jail(8), rctl(8), vnet(9)', {
    12: `kern.hostname kern.hostuuid kern.hostid kern.osrelease kern.osreldate kern.ostype kern.racct.enable
      kern.boottime kern.securelevel kern.features.vimage kern.features.racct kern.features.rctl
      kern.features.inet kern.features.inet6 kern.smp.cpus hw.ncpu hw.physmem hw.machine hw.machine_arch
      hw.pagesize net.fibs net.inet.ip.forwarding net.inet6.ip6.forwarding net.inet.ip.fw.enable net.inet.ip.fw.one_pass
      net.link.bridge.pfil_member net.link.bridge.pfil_bridge net.link.bridge.pfil_onlyip
      net.link.bridge.inherit_mac security.jail.jailed security.jail.vnet security.jail.param
      security.jail.jail_max_af_ips security.jail.enforce_statfs security.jail.set_hostname_allowed
      security.jail.sysvipc_allowed security.jail.allow_raw_sockets security.jail.chflags_allowed
      security.jail.mount_allowed security.jail.children.max security.jail.children.cur vfs.usermount
      net.inet6.ip6.dad_count net.add_addr_allfibs`,
    15: 'security.jail.meta_maxbufsize security.jail.env net.link.bridge.member_ifaddrs',
  }),
  // -j takes a name since 2015; a pattern may be left out where another condition stands.
  ...rows('pgrep', 'flag', 'pkill(1)', {
    12: '-a -c=class -d=delimiter -F=pidfile -f -G=gid -g=pgrp -i -j=jail -L -l -n -o -P=ppid -q -S -s=sid -t=tty -U=uid -u=euid -v -x',
  }),
  ...rows('pkill', 'flag', 'pkill(1)', {
    12: '-a -c=class -F=pidfile -f -G=gid -g=pgrp -I -i -j=jail -L -l -n -o -P=ppid -s=sid -t=tty -U=uid -u=euid -v -x',
  }),
  ...rows('sockstat', 'flag', 'sockstat(1)', {
    12: '-4 -6 -c -j=jail -L -l -P=protocols -p=ports -S -s -U -u',
  }),
  ...rows('chroot', 'flag', 'chroot(8)', { 12: '-G=groups -g=group -u=user', 14: '-n' }),
  ...rows('kldload', 'flag', 'kldload(8)', { 12: '-n -q -v' }),
  ...rows('kldload', 'module', 'kldload(8)', {
    12: `zfs nullfs fdescfs procfs linprocfs linsysfs tmpfs unionfs linux linux64 linux_common if_bridge
      bridgestp if_epair if_vlan if_tap if_tun if_lagg pf pflog ipfw ipfw_nat ipdivert dummynet rctl fusefs vmm
      sysvmsg sysvsem sysvshm`,
  }),
  ...rows('kldstat', 'flag', 'kldstat(8)', { 12: '-d -h -q -v -i=id -m=module -n=file' }),
  ...rows('kldunload', 'flag', 'kldunload(8)', { 12: '-f -n -v -i=id' }),
  ...rows('kenv', 'flag', 'kenv(1)', { 12: '-h -N -q -v -u' }),
  ...rows('hostname', 'flag', 'hostname(1)', { 12: '-f -s -d' }),
  ...rows('uname', 'flag', 'uname(1)', { 12: '-a -i -K -m -n -o -p -r -s -U -v', 13: '-b' }),
  ...rows('freebsd-version', 'flag', 'freebsd-version(1)', { 12: '-k -r -u', 13: '-j=jail' }),
  ...rows('service', 'flag', 'service(8)', { 12: '-d -e -j=jail -l -R -r -v', 13: '-E=assignment' }),
  ...rows('service', 'verb', 'service(8), rc(8)', {
    12: `start stop restart status reload onestart onestop onerestart onestatus quietstart rcvar enable disable
      enabled describe extracommands delete`,
  }),
  ...rows('lockf', 'flag', 'lockf(1)', { 12: '-k -n -s -t=seconds', 14: '-w', 15: '-p -T' }),
  ...rows('setfib', 'flag', 'setfib(1)', { 12: '-F=fib' }),
  ...rows('daemon', 'flag', 'daemon(8)', { 12: '-c -f' }),
  ...rows('dd', 'word', 'dd(1)', {
    12: 'bs=bytes count=blocks ibs=bytes obs=bytes if=file of=file status=value',
  }),
  ...rows('grep', 'flag', 'grep(1)', { 12: '-a -F -f=file -q' }),
  ...rows('mv', 'flag', 'mv(1)', { 12: '-f' }),
  ...rows('ps', 'flag', 'ps(1)', { 12: '-a -x -w -o=column -p=pid' }),
  ...rows('tail', 'flag', 'tail(1)', { 12: '-c=number' }),
  ...rows('wc', 'flag', 'wc(1)', { 12: '-c' }),
  ...rows('login', 'flag', 'login(1)', { 12: '-f -p -h=host' }),
];

const fileTools: Row[] = [
  // libarchive's; 13.0 has 3.5.
  ...rows('tar', 'flag', 'bsdtar(1)', {
    12: `-B -b=blocksize -C=directory -c -f=file -H -h -J -j -k -L -l -m -n -O -o -P -p -q -r -S -s=pattern -T=file -t
      -U -u -v -w -X=file -x -Z -z --exclude=pattern --include=pattern --format=format --null --numeric-owner
      --one-file-system --options=options --strip-components=count`,
    13: '--acls --no-acls --fflags --no-fflags --xattrs --no-xattrs --clear-nochange-fflags',
  }),
  ...rows('find', 'flag', 'find(1)', { 12: '-E -H -L -P -X -d -f=path -s -x' }),
  ...rows('find', 'word', 'find(1)', {
    12: `-xdev -mindepth=depth -maxdepth=depth -type=type -name=pattern -path=pattern -print -print0 -prune -depth
      -delete -empty -user=name -uid=name -group=name -perm=mode -o -quit -links=count -newer=file -flags=flags`,
  }),
  ...rows('stat', 'flag', 'stat(1)', { 12: '-F -L -f=format -l -n -q -r -s -t=format -x' }),
  ...rows('rm', 'flag', 'rm(1)', { 12: '-d -f -I -i -P -R -r -v -W -x' }),
  ...rows('cp', 'flag', 'cp(1)', { 12: '-a -f -H -i -L -l -n -P -p -R -v -x' }),
  ...rows('mkdir', 'flag', 'mkdir(1)', { 12: '-m=mode -p -v' }),
  ...rows('chmod', 'flag', 'chmod(1)', { 12: '-f -H -h -L -P -R -v' }),
  ...rows('chown', 'flag', 'chown(8)', { 12: '-f -H -h -L -P -R -v -x' }),
  ...rows('mkfifo', 'flag', 'mkfifo(1)', { 12: '-m=mode' }),
  ...rows('tee', 'flag', 'tee(1)', { 12: '-a -i' }),
  ...rows('cat', 'flag', 'cat(1)', { 12: '-b -e -n -s -t -u -v' }),
  ...rows('realpath', 'flag', 'realpath(1)', { 12: '-q' }),
  ...rows('gzip', 'flag', 'gzip(1)', { 12: '-c -d -f -k -l -n -q -t -v --version' }),
  ...rows('xz', 'flag', 'xz(1)', { 12: '-c -d -f -k -l -q -T=threads -t -v -z --version' }),
  ...rows('zstd', 'flag', 'zstd(1)', { 12: '-c -d -f -k -l -q -T=threads -t -v --version' }),
  ...rows('mtree', 'flag', 'mtree(8)', {
    12: `-C -c -D -d -e -i -j -L -l -M -m -n -P -q -r -S -t -U -u -W -w -x -E=tags -f=spec -I=tags -K=keywords -k=keywords
      -N=dbdir -p=path -R=keywords -s=seed -X=file`,
  }),
  ...rows('sha256', 'flag', 'md5(1)', { 12: '-p -q -r -t -x -c=digest -s=string' }),
  ...rows('chflags', 'flag', 'chflags(1)', { 12: '-f -H -h -L -P -R -v -x' }),
  ...rows('chflags', 'word', 'chflags(1)', {
    12: `arch opaque nodump sappnd schg sunlnk uappnd uchg uunlnk noarch noopaque dump nosappnd noschg nosunlnk
      nouappnd nouchg nouunlnk`,
  }),
  ...rows('pwd_mkdb', 'flag', 'pwd_mkdb(8)', { 12: '-B -C -i -L -N -p -d=directory -s=size -u=user' }),
  ...rows('cap_mkdb', 'flag', 'cap_mkdb(1)', { 12: '-b -l -v -f=file' }),
  ...rows('xargs', 'flag', 'xargs(1)', {
    12: '-0 -o -p -r -t -x -E=eofstr -I=replstr -J=replstr -L=number -n=number -P=maxprocs -R=replacements -S=size -s=size',
  }),
];

const software: Row[] = [
  ...rows('pkg', 'flag', 'pkg(8)', {
    12: '-4 -6 -C=file -c=root -d -j=jail -l -N -o=option -R=directory -r=root -v',
  }),
  ...rows('pkg', 'verb', 'pkg(8)', {
    12: `add audit autoremove bootstrap check clean config create delete fetch info install lock query register
      remove repo repos rquery search set stats unlock update upgrade version which`,
  }),
  ...rows('pkg install', 'flag', 'pkg-install(8)', { 12: '-A -f -F -g -I -i -M -n -q -R -r=repo -U -x -y' }),
  ...rows('pkg delete', 'flag', 'pkg-delete(8)', { 12: '-a -C -D -f -g -i -n -q -R -x -y' }),
  ...rows('pkg remove', 'flag', 'pkg-delete(8)', { 12: '-a -C -D -f -g -i -n -q -R -x -y' }),
  ...rows('pkg update', 'flag', 'pkg-update(8)', { 12: '-f -q -r=repo' }),
  ...rows('pkg upgrade', 'flag', 'pkg-upgrade(8)', { 12: '-C -F -f -g -I -i -n -q -r=repo -U -x -y' }),
  ...rows('pkg bootstrap', 'flag', 'pkg(7)', { 12: '-f -y', 13: '-r=repo' }),
  ...rows('pkg autoremove', 'flag', 'pkg-autoremove(8)', { 12: '-n -q -y' }),
  ...rows('pkg audit', 'flag', 'pkg-audit(8)', { 12: '-F -f=file -q -R -r' }),
  ...rows('pkg clean', 'flag', 'pkg-clean(8)', { 12: '-a -n -q -y' }),
  ...rows('pkg info', 'flag', 'pkg-info(8)', {
    12: '-A -a -B -b -C -D -d -E -e -F=file -f -g -I -i -k -l -O -o -p -q -R -r -s -x',
  }),
  ...rows('pkg query', 'flag', 'pkg-query(8)', { 12: '-a -C -e=condition -F=file -g -i -x' }),
  ...rows('pkg rquery', 'flag', 'pkg-rquery(8)', { 12: '-a -C -e=condition -g -I -i -r=repo -U -x' }),
  ...rows('pkg fetch', 'flag', 'pkg-fetch(8)', { 12: '-a -C -d -g -i -o=directory -q -r=repo -U -u -x -y' }),
  ...rows('pkg repo', 'flag', 'pkg-repo(8)', { 12: '-l -m=file -o=directory -q' }),
  ...rows('pkg add', 'flag', 'pkg-add(8)', { 12: '-A -f -I -M -q' }),
  ...rows('pkg version', 'flag', 'pkg-version(8)', {
    12: '-I -L=limit -l=limit -n=name -o -P -q -R -r=repo -t -U -v',
  }),
  ...rows('freebsd-update', 'flag', 'freebsd-update(8)', {
    12: '-b=directory -d=directory -F -f=file -k=key -r=release -s=server -t=address --not-running-from-cron --currently-running=release',
    14: '-j=jail',
  }),
  ...rows('freebsd-update', 'verb', 'freebsd-update(8)', {
    12: 'fetch cron upgrade install rollback IDS',
    13: 'updatesready showconfig',
  }),
  // HardenedBSD's; its own help has -r besides, since 13.
  ...rows('hbsd-update', 'flag', 'hbsd-update(8)', {
    12: '-b=environment -C -c=config -d -h -I -i -j=jail -K=kernel -k=kernel -n -o -s -t=directory -T -U -v=version -V',
    13: '-r=directory',
  }),
  ...rows('etcupdate', 'flag', 'etcupdate(8)', {
    12: '-A=patterns -B -D=directory -d=directory -F -I=patterns -L=file -M=options -n -p -s=directory -t=tarball -w=directory',
    14: '-N -m=make',
  }),
  ...rows('etcupdate', 'verb', 'etcupdate(8)', { 12: 'build diff extract resolve status', 14: 'revert' }),
  ...rows('fetch', 'flag', 'fetch(1)', {
    12: `-1 -4 -6 -A -a -B=bytes -d -F -i=file -l -M -m -N=file -n -o=file -P -p -q -R -r -S=bytes -s -T=seconds
      -U -v -w=seconds --ca-cert=file --ca-path=directory --no-verify-peer --no-verify-hostname --user-agent=text`,
  }),
];

export const documented: readonly Row[] = [
  ...jail,
  ...mounts,
  ...network,
  ...limits,
  ...system,
  ...fileTools,
  ...software,
];

const byTool = new Map<string, Map<string, Row>>();
for (const row of documented) {
  const key = `${row.tool}\0${row.kind}`;
  if (!byTool.has(key)) byTool.set(key, new Map());
  byTool.get(key)!.set(row.word, row);
}

/** All words of a kind that a tool has, whatever the release. */
export function wordsOf(tool: string, ...kinds: readonly Kind[]): ReadonlyMap<string, Row> {
  const found = kinds.map((kind) => byTool.get(`${tool}\0${kind}`) ?? new Map<string, Row>());
  return found.length === 1 ? found[0]! : new Map(found.flatMap((words) => [...words]));
}

/** The row of a word that the release has. */
export function findWord(tool: string, kind: Kind, word: string, release: number): Row | undefined {
  const row = byTool.get(`${tool}\0${kind}`)?.get(word);
  return row !== undefined && row.since <= release ? row : undefined;
}
