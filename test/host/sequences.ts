/**
 * Command sequences that the original's documents tell people to type, as scripts hold them. Each row says where it
 * stands, which words were replaced, and what must hold afterwards.
 *
 * Replaced everywhere: `fetch` takes a small archive instead of FreeBSD's sets, under the same name;
 * `UUID | TAG` stands for a tag; `em0` is one end of a virtual cable, `bridge0` an empty bridge of the test's host;
 * what is installed with pkg(8) in a jail is a file written there. Where nobody answers, what asks before
 * something is lost (`destroy`, `rollback`, `snapremove …@ALL`, which asked nothing) gets `-f`.
 */
export interface Sequence {
  readonly name: string;
  readonly source: string;
  /** Further words of the document that stand for others here, and why. */
  readonly replaced?: string;
  /** Set up before, by iocage itself: what the document takes for granted. */
  readonly given?: string;
  /** As they are documented, one a line. */
  readonly commands: string;
  /** Checks, as a console shows them: `$ ` before a command, below it what it prints. */
  readonly holds: string;
  /** What a person types at each question. */
  readonly answer?: string;
}

const fetched = 'iocage fetch release=10.1-RELEASE file=/mnt/release.tar';
const readme = 'README of the original, 2015';
const manual = 'iocage(8) 1.7.6';
const guide = 'guide of the original, 1.7.6';
const pythonGuide = 'guide of the Python line, 1.2';

export const sequences: readonly Sequence[] = [
  {
    name: 'quick howto',
    source: `${readme}, QUICK HOWTO`,
    commands: `
      ${fetched}
      iocage create -c tag=any_name
      iocage list
      iocage start any_name
      iocage console any_name`,
    holds: `
      $ iocage get state any_name
      up
      $ iocage get type any_name
      clonejail`,
  },
  {
    name: 'resource caps',
    source: `${readme}, OPTIONAL`,
    given: 'iocage create -c tag=web start=yes',
    commands: `
      iocage set rlimits=on web
      iocage set maxproc=40:deny web
      iocage cap web
      iocage inuse web
      iocage limits web
      iocage uncap web`,
    holds: `
      $ iocage get rlimits web
      on
      $ iocage limits web | grep -c maxproc
      …`,
  },
  {
    name: 'usage: clone of a snapshot, promote',
    source: `${readme}, USAGE`,
    given: 'iocage create tag=web',
    commands: `
      iocage snapshot web@snapshotname
      iocage clone web@snapshotname tag=web2 priority=7
      iocage snaplist web
      iocage promote web2
      iocage destroy -f web
      iocage start web2`,
    holds: `
      $ iocage get priority web2
      7
      $ iocage snaplist web2 -H | cut -f 1
      …
      snapshotname
      snapshotname/root
      …`,
  },
  {
    name: 'usage: exec as users, chroot, df, runtime',
    source: `${readme}, USAGE`,
    given: 'iocage create -c tag=web start=yes',
    commands: `
      iocage exec -U www web id
      iocage exec -u root web id
      iocage chroot web /bin/ls /
      iocage df
      iocage runtime web
      iocage restart web`,
    holds: `
      $ iocage exec -U www web id -u
      33
      $ iocage exec web cat /run/rc-ran
      $ iocage get state web
      up`,
  },
  {
    name: 'usage: defaults, version, help',
    source: `${readme}, USAGE`,
    commands: `
      iocage defaults
      iocage version
      iocage --version
      iocage help`,
    holds: `
      $ iocage defaults | grep '^memoryuse='
      memoryuse=8G:log`,
  },
  {
    name: 'export, and import under another tag',
    source: `${readme}, USAGE; ${manual}, EXAMPLES`,
    given: 'iocage create -c tag=web notes=moved',
    commands: `
      iocage export web
      iocage destroy -f web
      iocage import web tag=myjail
      iocage start myjail`,
    holds: `
      $ iocage get notes myjail
      moved
      $ iocage get state myjail
      up`,
  },
  {
    name: 'from scratch',
    source: `${manual}, EXAMPLES`,
    replaced: 'UUID: "$(iocage get host_hostuuid myjail)", which a person copies from the list',
    commands: `
      ${fetched}
      iocage create tag=myjail
      iocage list
      iocage start "$(iocage get host_hostuuid myjail)"
      iocage set rlimits=on "$(iocage get host_hostuuid myjail)"
      iocage cap "$(iocage get host_hostuuid myjail)"
      iocage inuse "$(iocage get host_hostuuid myjail)"`,
    holds: `
      $ iocage get type myjail
      jail
      $ iocage get origin myjail
      none
      $ iocage exec myjail test -e /run/rc-ran`,
  },
  {
    name: 'a jail becomes a template, and is cloned',
    source: `${manual}, EXAMPLES`,
    given: 'iocage create tag=golden notes=shared',
    commands: `
      iocage set template=yes golden
      iocage list -t
      iocage clone golden tag=myjail
      iocage show last_started`,
    holds: `
      $ iocage list -t -H | cut -f 2
      golden
      $ iocage list -H | cut -f 2
      myjail
      $ iocage get notes myjail
      shared
      $ iocage start myjail
      …`,
  },
  {
    name: 'a template of the develop lines',
    source: 'iocage(8) of the develop line, EXAMPLES',
    given: 'iocage create tag=golden',
    commands: `
      iocage set istemplate=yes golden
      iocage list -t
      iocage clone golden tag=myjail
      iocage get -r last_started
      iocage list --warden`,
    holds: `
      $ iocage get istemplate golden
      yes
      $ iocage list --warden | grep -E '^(host|status):'
      host: myjail
      status: down`,
  },
  {
    name: 'a package of a recorded session',
    source: `${guide}, Create a jail package!; ${manual}, EXAMPLES`,
    replaced: 'UUID of the import: the tag of the packaged jail',
    commands: `
      iocage create -c tag=nginx
      iocage start nginx
      iocage record start nginx
      iocage exec nginx sh -c 'mkdir -p /usr/local/sbin && echo server >/usr/local/sbin/nginx'
      iocage exec nginx rm /etc/rc.shutdown
      iocage record stop nginx
      iocage stop nginx
      iocage package nginx
      iocage destroy -f nginx
      iocage import nginx tag=myjail
      iocage list | grep myjail
      iocage start myjail`,
    holds: `
      $ iocage exec myjail cat /usr/local/sbin/nginx
      server
      $ iocage exec myjail test ! -e /etc/rc.shutdown`,
  },
  {
    name: 'jails by tag, UUID and the beginning of a UUID',
    source: `${guide}, Basic Use`,
    given: 'iocage create -c -u 26e8e027-f00c-11e4-8f7f-3c970e80eb61 tag=www01',
    commands: `
      iocage start www01
      iocage stop 26e8e027-f00c-11e4-8f7f-3c970e80eb61
      iocage start 26e8
      iocage restart www01
      iocage set tag=www02 26e8e027
      iocage get tag 26e8e027
      iocage get all 26e8e027`,
    holds: `
      $ iocage get tag 26e8e027
      www02
      $ iocage get state www02
      up`,
  },
  {
    name: 'a jail with an address of the host',
    source: `${guide}, Basic Use and Networking`,
    commands: `
      iocage create -c tag=myjail ip4_addr="em0|10.1.1.10/24"
      iocage start myjail
      iocage exec myjail ip -o -4 addr
      iocage stop myjail
      iocage set ip4_addr="em0|10.1.1.10/24,em0|10.1.1.11/24" myjail
      iocage set ip6_addr="em0|2001:123:456:242::5/64" myjail
      iocage start myjail`,
    replaced: 'ifconfig: "ip -o addr", Linux has that',
    holds: `
      $ iocage exec myjail ip -o addr | grep -cE '10.1.1.10|10.1.1.11|2001:123:456:242::5'
      3
      $ iocage stop myjail
      …
      $ iocage set ip4_addr=none ip6_addr=none myjail
      …
      $ iocage set defaultrouter=none defaultrouter6=none myjail
      …
      $ iocage start myjail
      …
      $ iocage exec myjail ip -o -4 addr | grep -c 10.1.1 || true
      0`,
  },
  {
    name: 'a jail with a network stack of its own',
    source: `${guide}, Networking`,
    replaced: 'ping: with allow_raw_sockets=1, which it needs in a jail',
    given: 'iocage create -c tag=myjail allow_raw_sockets=1',
    commands: `
      iocage get vnet myjail
      iocage set vnet=on myjail
      iocage set defaultrouter=10.1.1.254 myjail
      iocage set ip4_addr="vnet0|10.1.1.10/24" myjail
      iocage start myjail
      iocage exec myjail ip route`,
    holds: `
      $ iocage exec myjail ip route | grep default
      default via 10.1.1.254 dev vnet0
      $ iocage exec myjail ping -c 1 -W 5 10.1.1.254
      …
      $ ip -o link show master bridge0 | wc -l
      1`,
  },
  {
    name: 'a default for all jails',
    source: `${guide}, Basic Use`,
    given: 'iocage create -c tag=www02',
    commands: `
      iocage set vnet=off default
      iocage get vnet default
      iocage destroy www02`,
    answer: 'y',
    holds: `
      $ iocage get vnet default
      off
      $ iocage list -H`,
  },
  {
    name: 'clones',
    source: `${guide}, Advanced Use: Clones; ${pythonGuide}, Advanced Use`,
    given: 'iocage create -c tag=www01',
    commands: `
      iocage snapshot www01@snapshotname
      iocage clone www01 tag=www02
      iocage clone www01@snapshotname tag=www03
      iocage clone www01 --name www04
      iocage clone www01@snapshotname --name www05
      iocage promote www02
      iocage set vnet0_mac=none www04`,
    holds: `
      $ iocage list -H | cut -f 2
      www01
      www02
      www03
      www04
      www05
      $ iocage get host_hostname www04
      www04`,
  },
  {
    name: 'start at boot, in order',
    source: `${guide}, Advanced Use: Auto start`,
    given: 'iocage create -c tag=web; iocage create -c tag=db',
    commands: `
      iocage set boot=on web
      iocage set priority=20 web
      iocage set boot=on db
      iocage set priority=10 db
      iocage rcboot
      iocage list
      iocage rcshutdown`,
    holds: `
      $ iocage rcboot -j 1 | grep Starting
      * Starting … (db)
      …
      * Starting … (web)
      …`,
  },
  {
    name: 'snapshots',
    source: `${guide}, Advanced Use: Snapshot management`,
    given: 'iocage create -c tag=web',
    commands: `
      iocage snaplist web
      iocage snapshot web
      iocage snapshot web@mysnapshotname
      iocage snapremove web@mysnapshotname
      iocage snapshot -n second web
      iocage chroot web touch /root/lost
      iocage rollback -f web@second
      iocage snapremove -f web@ALL`,
    holds: `
      $ iocage chroot web ls /root
      $ iocage snaplist -H web`,
  },
  {
    name: 'resource limits',
    source: `${guide}, Advanced Use: Resource limits`,
    replaced: 'cpuset=1: 0, the test may have one processor only',
    given: 'iocage create -c tag=web',
    commands: `
      iocage set cpuset=0 web
      iocage start web
      iocage limits web
      iocage set memoryuse=4G:deny web
      iocage set rlimits=on web
      iocage cap web
      iocage limits web
      iocage set pcpu=20:deny web
      iocage cap web
      iocage limits web`,
    holds: `
      $ iocage exec web nproc
      1
      $ iocage limits web | grep -cE 'memoryuse|pcpu'
      2`,
  },
  {
    name: 'reset',
    source: `${guide}, Advanced Use: Reset`,
    given: 'iocage create -c tag=web notes=gone priority=3',
    commands: `
      iocage reset web
      iocage reset ALL`,
    answer: 'y',
    holds: `
      $ iocage get notes web
      none
      $ iocage get priority web
      99`,
  },
  {
    name: 'every type of jail',
    source: `${guide}, Jail Types`,
    commands: `
      iocage create tag=thick
      iocage create -c tag=clone
      iocage create -b tag=base
      iocage create -e tag=empty
      iocage list
      iocage start thick
      iocage start clone
      iocage start base`,
    holds: `
      $ iocage list -l -H | cut -f 2,4,5
      base	up	basejail
      clone	up	clonejail
      empty	down	emptyjail
      thick	up	jail`,
  },
  {
    name: 'another userland in an empty jail',
    source: `${guide} and ${pythonGuide}, Create a Debian jail`,
    replaced: 'debootstrap: tar, which fills the same place; the lines of fstab are those of Linux',
    commands: `
      iocage create -e -n debjail exec_start="/bin/true" exec_stop="/bin/true"
      iocage get mountpoint debjail
      tar -xf /mnt/release.tar -C "$(iocage get mountpoint debjail)/root/"
      echo "tmpfs $(iocage get mountpoint debjail)/root/tmp tmpfs rw,size=1m,mode=1777 0 0" >>"$(iocage get mountpoint debjail)/fstab"
      iocage start debjail
      echo 'touch /tmp/was-here' | iocage console debjail`,
    holds: `
      $ iocage exec debjail ls /tmp
      was-here
      $ iocage exec debjail grep -c ' /tmp tmpfs' /proc/mounts
      1`,
  },
  {
    name: 'templates, customised and turned back',
    source: `${guide}, How to create and use templates`,
    commands: `
      iocage create tag=mytemplate
      iocage start mytemplate
      iocage exec mytemplate touch /root/customised
      iocage stop mytemplate
      iocage set notes="customized PHP,nginx jail" mytemplate
      iocage set template=yes mytemplate
      iocage list -t
      iocage chroot mytemplate touch /root/patched
      iocage clone mytemplate tag=mynewjail
      iocage list
      iocage start mynewjail
      iocage exec mynewjail ls /root/customised /root/patched
      iocage destroy -f mynewjail
      iocage set template=no mytemplate
      iocage start mytemplate`,
    holds: `
      $ iocage get notes mytemplate
      customized PHP,nginx jail
      $ iocage list -t -H
      $ iocage get state mytemplate
      up`,
  },
  {
    name: 'templates of the Python line, and a thick jail of one',
    source: `${pythonGuide}, Templates`,
    commands: `
      iocage create -r 10.1-RELEASE -n mytemplate
      iocage set notes="customized PHP,nginx jail" mytemplate
      iocage set template=yes mytemplate
      iocage create -t mytemplate -n jailfromtemplate
      iocage start jailfromtemplate
      iocage create -T -t mytemplate -n newtemplate
      iocage start newtemplate
      iocage stop newtemplate
      iocage set template=yes newtemplate`,
    holds: `
      $ iocage list -t -H | cut -f 2
      mytemplate
      newtemplate
      $ zfs get -H -o value origin "$IOCAGE_POOL/iocage/templates/newtemplate/root"
      -
      $ iocage get notes jailfromtemplate
      customized PHP,nginx jail`,
  },
  {
    name: 'the jail of 88 characters, and a warm restart',
    source: `${guide}, Known Issues; ${pythonGuide}, Known Issues`,
    replaced: 'set hack88=1: with the jail behind it, which the guide left out',
    given: 'iocage create -c tag=myjail start=yes',
    commands: `
      iocage stop myjail
      iocage set hack88=1 myjail
      iocage start myjail
      iocage set hack88=1 default
      iocage restart -s myjail`,
    holds: `
      $ iocage get hack88 myjail
      1
      $ iocage exec myjail ls /var/log/rc-shutdown-ran
      /var/log/rc-shutdown-ran`,
  },
  {
    name: 'create with the flags of the Python line',
    source: `${pythonGuide}, Basic Use`,
    replaced: '11.0-RELEASE: 10.1-RELEASE, the one that is fetched',
    commands: `
      iocage create -r 10.1-RELEASE
      iocage create -r 10.1-RELEASE -c 2
      iocage create -b -r 10.1-RELEASE
      iocage create -T -r 10.1-RELEASE
      iocage create -r 10.1-RELEASE --name myjail boot=on
      iocage list -r
      iocage list -b
      iocage start myjail
      iocage get -a myjail
      iocage get -s myjail
      iocage get -p`,
    holds: `
      $ iocage list -H | wc -l
      6
      $ iocage get -s myjail
      up
      $ iocage get host_hostname myjail
      myjail`,
  },
  {
    name: 'rename, notes, a jail and what it depends on',
    source: `${pythonGuide}, Basic Use, Advanced Use and Best Practices`,
    given: 'for jail in jail1 foo bar baz; do iocage create -c -n $jail; done',
    commands: `
      iocage set notes="This is a test jail." jail1
      iocage get notes jail1
      iocage rename jail1 TESTINGJAIL
      iocage set depends="foo bar" baz
      iocage start baz
      iocage destroy -f TESTINGJAIL`,
    holds: `
      $ iocage list -H | cut -f 2,3
      bar	up
      baz	up
      foo	up`,
  },
];
