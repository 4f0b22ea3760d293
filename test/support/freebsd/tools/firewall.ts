/**
 * pfctl(8) and ipfw(8): rules are looked at word by word as pf.conf(5) and ipfw(8) have them, in the part of
 * both languages that address translation and redirection need. What is not understood is refused.
 */
import { isIP } from 'node:net';
import { readFileSync } from 'node:fs';
import { Fail, flagsOf, known, usage, type Call, type Tool } from '../call.ts';
import type { Machine } from '../machine.ts';

const isHost = (word: string): boolean => {
  const [address = '', bits] = word.replace(/^!/, '').split('/');
  return isIP(address) !== 0 && (bits === undefined || /^\d{1,3}$/.test(bits));
};
const nicName = /^\(?[a-zA-Z_][\w.:]*(:\d|:network|:0)?\)?$/;
const isPort = (word: string): boolean => /^(\d{1,5}|[a-z][\w-]*)(:(\d{1,5}|\*))?$/.test(word);

/** Reads words of one rule of pf.conf(5) from the left; throws at the first that does not fit. */
class Words {
  private readonly words: string[];
  constructor(line: string) {
    this.words = line.match(/"[^"]*"|->|[{}(),!=<>]|[^\s{}(),!=<>"]+/g) ?? [];
  }
  get next(): string | undefined {
    return this.words[0];
  }
  take(): string {
    const word = this.words.shift();
    if (word === undefined) throw new Error('syntax error');
    return word;
  }
  /** Takes the next word if it is one of these. */
  accept(...words: readonly string[]): boolean {
    if (!words.includes(this.next ?? '')) return false;
    this.words.shift();
    return true;
  }
  must(...words: readonly string[]): void {
    if (!this.accept(...words)) throw new Error('syntax error');
  }
  /** `X` or `{ X, X }`. */
  list(fits: (word: string) => boolean): void {
    const one = (): void => {
      const wrapped = this.accept('(');
      this.accept('!');
      const table = this.accept('<');
      const word = this.take();
      if (table) this.must('>');
      if (wrapped) this.must(')');
      if (!table && !fits(word)) throw new Error('syntax error');
    };
    if (!this.accept('{')) return one();
    do {
      if (this.next === '}') break;
      one();
    } while (this.accept(',') || this.next !== '}');
    this.must('}');
  }
  get done(): boolean {
    return this.words.length === 0;
  }
}

const isTarget = (word: string): boolean => word === 'any' || isHost(word) || nicName.test(word);

function hosts(words: Words): void {
  if (words.accept('all')) return;
  for (const side of ['from', 'to']) {
    if (!words.accept(side)) continue;
    words.list(isTarget);
    if (words.accept('port')) {
      words.accept('=', '<', '>');
      words.list(isPort);
    }
  }
}

/** One line of pf.conf(5); throws when it is none. Answers which of the two lists it belongs to. */
function pfRule(line: string): 'rules' | 'nat' {
  const words = new Words(line);
  const where = (): void => {
    if (words.accept('on')) words.list((word) => nicName.test(word));
    words.accept('inet', 'inet6');
    if (words.accept('proto')) words.list((word) => /^[a-z0-9-]+$/.test(word));
    hosts(words);
  };
  const first = words.take();
  const no = first === 'no';
  const kind = no ? words.take() : first;
  if (kind === 'nat' || kind === 'rdr' || kind === 'binat') {
    words.accept('pass');
    words.accept('log');
    where();
    if (!no) {
      words.must('->');
      words.list(isTarget);
      if (words.accept('port')) words.list(isPort);
      while (
        words.accept('static-port', 'round-robin', 'random', 'source-hash', 'bitmask', 'sticky-address')
      );
    }
    if (!words.done) throw new Error('syntax error');
    return 'nat';
  }
  if (kind === 'nat-anchor' || kind === 'rdr-anchor' || kind === 'binat-anchor') {
    words.take();
    return 'nat';
  }
  if (kind === 'anchor') {
    words.take();
    return 'rules';
  }
  if (kind === 'set' || kind === 'table' || kind === 'scrub') return 'rules';
  if (kind !== 'pass' && kind !== 'block') throw new Error('syntax error');
  words.accept('drop', 'return');
  words.accept('in', 'out');
  words.accept('log');
  words.accept('quick');
  where();
  while (!words.done) {
    if (words.accept('keep', 'modulate', 'no')) words.must('state');
    else if (words.accept('flags', 'label', 'tag', 'tagged', 'rtable', 'icmp-type', 'icmp6-type'))
      words.take();
    else throw new Error('syntax error');
  }
  return 'rules';
}

function loadRules(call: Call, text: string, name: string): { rules: string[]; nat: string[] } {
  const loaded = { rules: [] as string[], nat: [] as string[] };
  const wrong: string[] = [];
  let filtering = false;
  text.split('\n').forEach((raw, index) => {
    const line = raw.replace(/#.*/, '').trim();
    if (line === '') return;
    try {
      const list = pfRule(line);
      // pf.conf(5): translation comes before filtering.
      if (list === 'nat' && filtering)
        throw new Error(
          'Rules must be in order: options, ethernet, normalization, queueing, translation, filtering',
        );
      filtering ||= list === 'rules' && !/^(set|table|scrub)\b/.test(line);
      loaded[list].push(line);
    } catch (error) {
      wrong.push(`${name}:${index + 1}: ${(error as Error).message}`);
    }
  });
  if (wrong.length > 0) {
    throw new Fail(`${wrong.join('\n')}\npfctl: Syntax error in config file: pf rules not loaded`, 1, true);
  }
  return loaded;
}

function show(call: Call, machine: Machine, anchor: string, what: string): void {
  const set = machine.pf.anchors[anchor];
  const print = (lines: readonly string[]): void => call.out(lines.map((line) => `${line}\n`).join(''));
  if (what === 'rules') print(set?.rules ?? []);
  else if (what === 'nat') print(set?.nat ?? []);
  else if (what === 'Anchors') {
    const start = anchor === '' ? '' : `${anchor}/`;
    const below = Object.keys(machine.pf.anchors).filter(
      (name) => name !== '' && name !== anchor && name.startsWith(start),
    );
    const direct = below.map((name) => start + name.slice(start.length).split('/')[0]!);
    print([...new Set(direct)].map((name) => `  ${name}`));
  } else if (what === 'info')
    call.out(
      `Status: ${machine.pf.enabled ? 'Enabled' : 'Disabled'} for 0 days 00:00:01          Debug: Urgent\n`,
    );
  else if (what === 'Running') call.out(machine.pf.enabled ? 'Enabled\n' : 'Disabled\n');
}

export const pfctl: Tool = (call) => {
  const { flags } = flagsOf(call);
  const anchor = flags.get('-a')?.at(-1) ?? '';
  const value = (flag: string): string | undefined => flags.get(flag)?.at(-1);
  return call.store.change((machine) => {
    const file = value('-f');
    const text = file === undefined ? undefined : file === '-' ? call.input() : readFileSync(file, 'utf8');
    if (flags.has('-n')) {
      if (text !== undefined) loadRules(call, text, file === '-' ? 'stdin' : file!);
      return 0;
    }
    if (!machine.klds.includes('pf')) throw new Fail('/dev/pf: No such file or directory');
    if (flags.has('-e')) {
      if (machine.pf.enabled) throw new Fail('pf already enabled');
      machine.pf.enabled = true;
      call.err('pf enabled\n');
    }
    if (flags.has('-d')) {
      if (!machine.pf.enabled) throw new Fail('pf not enabled');
      machine.pf.enabled = false;
      call.err('pf disabled\n');
    }
    const flushed = value('-F');
    if (flushed !== undefined) {
      if (!known(call, 'pfctl -F', 'word', flushed)) throw usage('pfctl');
      const set = machine.pf.anchors[anchor];
      if (set !== undefined && (flushed === 'rules' || flushed === 'all')) set.rules = [];
      if (set !== undefined && (flushed === 'nat' || flushed === 'all')) set.nat = [];
      // An anchor without rules is no anchor any more.
      if (set !== undefined && anchor !== '' && set.rules.length + set.nat.length === 0)
        delete machine.pf.anchors[anchor];
      if (!flags.has('-q'))
        call.err(flushed === 'all' ? 'rules cleared\nnat cleared\n' : `${flushed} cleared\n`);
    }
    if (text !== undefined) {
      const loaded = loadRules(call, text, file === '-' ? 'stdin' : file!);
      if (anchor !== '' && loaded.rules.length + loaded.nat.length === 0) delete machine.pf.anchors[anchor];
      else machine.pf.anchors[anchor] = loaded;
    }
    const shown = value('-s');
    if (shown !== undefined) {
      if (!known(call, 'pfctl -s', 'word', shown)) throw usage('pfctl');
      show(call, machine, anchor, shown);
    }
    return 0;
  });
};

const ipfwActions =
  /^(allow|accept|pass|permit|count|deny|drop|reject|reset|check-state|skipto \d+|nat (\d+|global)|setfib \d+|divert \d+|fwd \S+)\b/;

/** `ACTION PROTO from SRC to DST …`. */
function ipfwRule(text: string): void {
  const action = ipfwActions.exec(text)?.[0];
  if (action === undefined) throw new Fail(`Invalid action ${text.split(' ')[0]}`, 64);
  if (action === 'check-state') return;
  const [, proto = '', from = '', to = ''] =
    /^(\S+) from (.+?) to (.+)$/.exec(text.slice(action.length).trim().replace(/^log /, '')) ?? [];
  if (proto === '') throw new Fail("missing ``from''", 64);
  const side = (words: string): void => {
    const [address = ''] = words.replace(/^not /, '').split(' ');
    if (
      !['any', 'me', 'me6'].includes(address) &&
      !address.split(',').every(isHost) &&
      !/^table\(/.test(address)
    )
      throw new Fail(`hostname \`\`${address}'' unknown`, 68);
  };
  side(from);
  side(to);
}

export const ipfw: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const [verb = '', ...words] = rest;
  if (verb === '') throw usage('ipfw');
  if (!known(call, 'ipfw', 'verb', verb)) throw new Fail(`bad command \`${verb}'`, 64);
  return call.store.change((machine) => {
    if (!machine.klds.includes('ipfw')) throw new Fail('setsockopt(IP_FW_XADD): Protocol not available', 71);
    const { rules } = machine.ipfw;
    switch (verb) {
      case 'add': {
        const numbered = /^\d+$/.test(words[0] ?? '') ? words.shift()! : undefined;
        const set = words[0] === 'set' ? Number((words.shift(), words.shift())) : 0;
        if (set > 31 || Number(numbered ?? 1) > 65534 || Number(numbered ?? 1) < 1)
          throw new Fail('setsockopt(IP_FW_XADD): Invalid argument', 71);
        const text = words.join(' ');
        ipfwRule(text);
        const nat = /^nat (\d+)/.exec(text)?.[1];
        if (nat !== undefined && !machine.klds.includes('ipfw_nat'))
          throw new Fail('setsockopt(IP_FW_XADD): Invalid argument', 71);
        const last = Math.max(0, ...rules.map((rule) => rule.number).filter((number) => number < 65_400));
        const number = numbered === undefined ? last + 100 : Number(numbered);
        rules.push({ number, set, rule: text });
        rules.sort((a, b) => a.number - b.number);
        if (!flags.has('-q')) call.out(`${String(number).padStart(5, '0')} ${text}\n`);
        return 0;
      }
      case 'delete': {
        const bySet = words[0] === 'set';
        const numbers = (bySet ? words.slice(1) : words).map(Number);
        for (const number of numbers) {
          const left = rules.filter((rule) => (bySet ? rule.set : rule.number) !== number);
          if (left.length === rules.length && !bySet) {
            if (flags.has('-q')) return 69;
            throw new Fail(`rule ${number}: setsockopt(IP_FW_XDEL): Invalid argument`, 69);
          }
          rules.splice(0, rules.length, ...left);
        }
        return 0;
      }
      case 'nat': {
        const [number = '', action] = words;
        if (number === 'show' || action === 'show') {
          for (const [one, config] of Object.entries(machine.ipfw.nat))
            call.out(`ipfw nat ${one} config ${config}\n`);
          return 0;
        }
        if (!machine.klds.includes('ipfw_nat'))
          throw new Fail('setsockopt(IP_FW_NAT44_XCONFIG): Protocol not available', 71);
        // sbin/ipfw/main.c: with nat before it, delete is about translations.
        if (/^\d+$/.test(number) && action === 'delete') {
          if (!(number in machine.ipfw.nat)) return 69;
          delete machine.ipfw.nat[number];
          return 0;
        }
        if (!/^\d+$/.test(number) || action !== 'config') throw new Fail(`invalid nat id ${number}`, 64);
        machine.ipfw.nat[number] = words.slice(2).join(' ');
        return 0;
      }
      case 'flush':
        if (!flags.has('-f') && !flags.has('-q')) throw new Fail('flush asks without -f');
        rules.splice(0);
        return 0;
      case 'list':
      case 'show': {
        const wanted = rules.filter((rule) => words.length === 0 || words.map(Number).includes(rule.number));
        if (words.length > 0 && wanted.length === 0) throw new Fail(`rule ${words[0]} does not exist`, 69);
        for (const { number, rule } of wanted)
          call.out(`${String(number).padStart(5, '0')} ${verb === 'show' ? '0 0 ' : ''}${rule}\n`);
        if (words.length === 0) call.out('65535 deny ip from any to any\n');
        return 0;
      }
      default:
        return 0;
    }
  });
};
