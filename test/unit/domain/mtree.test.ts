/** What mtree(8) writes, read again: of the real program, and of names of any bytes. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mtreeKeywords, readMtree, unvis } from '../../../src/domain/mtree.ts';
import { NodeExec } from '../../../src/driver/node/exec.ts';
import { findFormat, TreeReader, type TreeEntry } from '../../../src/domain/tree.ts';
import { standIn, type StandIn } from '../../support/freebsd/standin.ts';
import { vis } from '../../support/freebsd/tools/files.ts';

/** `mtree -c -x -k uid,gid,mode,size,time,link` of NetBSD's mtree, which FreeBSD's is (mtree-netbsd 20180822 of Debian). */
const captured = `#	   user: (null)
#	machine: vm
#	   tree: /tmp/t
#	   date: Sun Nov 22 13:40:10 2026

# .
/set type=file uid=0 gid=0 mode=0755
.               type=dir time=1795354801.826498047
    fi          type=fifo mode=0644 time=1795354801.826498047
    link        type=link mode=0777 time=1795354801.789614401 link=../a\\sb
    \\M-C\\M-<\\#x type=link mode=0777 time=1795354801.801614401 link=\\M-C\\M-<

# ./a
a               type=dir time=1795354801.777614402

# ./a/b
/set type=file uid=0 gid=0 mode=04755
b               type=dir mode=0755 time=1795354801.781614401
    f           size=3 time=1795354801.781614401 \\
                sha256=98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4
# ./a/b
..

# ./a
..


# ./sp ace
/set type=file uid=7 gid=8 mode=0644
sp\\sace         type=dir mode=0755 time=1795354801.781614401
    n\\nl        size=2 time=1795354801.781614401
# ./sp ace
..

..
`;

const line = ([path, { type, mode, owner, size, target }]: readonly [Buffer, TreeEntry]): string =>
  [path.toString('utf8'), type, mode, owner, size, target].join('|');

describe('mtree', () => {
  it('is read as the real program writes it', () => {
    expect([...readMtree(captured)].map(line)).toEqual([
      'fi|p|644|0:0|0|',
      'link|l|777|0:0|0|../a b',
      'ü#x|l|777|0:0|0|ü',
      'a|d|755|0:0|0|',
      'a/b|d|755|0:0|0|',
      'a/b/f|f|4755|0:0|3|',
      'sp ace|d|755|7:8|0|',
      'sp ace/n\nl|f|644|7:8|2|',
    ]);
  });

  it('names are the bytes that they were, and what is no encoding is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        const word = vis(bytes);
        expect(word).not.toMatch(/[\s\u0000-\u001f\u007f-\uffff]/);
        expect([...unvis(word)]).toEqual([...bytes]);
      }),
    );
    expect(unvis(String.raw`\M^J\^?\M-\\303\$`)).toEqual(Buffer.from([0x8a, 0x7f, 0xdc, 0xc3, 0x24]));
    expect(() => unvis('a\\q')).toThrow('cannot be read');
    expect(() => unvis('a\\')).toThrow('cannot be read');
  });

  describe('of a tree', () => {
    let host: StandIn;
    let root: string;
    beforeAll(() => {
      host = standIn();
      root = mkdtempSync(join(tmpdir(), 'mtree-'));
      mkdirSync(join(root, 'a/ b'), { recursive: true });
      writeFileSync(join(root, 'a/ b/#x'), 'text');
      writeFileSync(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0xff, 0x0a])]), '');
      symlinkSync('../"é', join(root, 'a/link'));
    });
    afterAll(() => {
      host.close();
      rmSync(root, { recursive: true });
    });

    it('tells what find(1) of Linux tells', async () => {
      const { stdout } = await host.exec.read(['mtree', '-c', '-x', '-k', mtreeKeywords, '-p', root]);
      const told = new TreeReader(undefined, 'escape');
      for (const [path, entry] of readMtree(stdout)) told.add(path, entry);
      const found = new TreeReader(undefined, 'escape');
      await new NodeExec().read(['find', root, '-xdev', '-mindepth', '1', '-printf', findFormat], {
        onBytes: (bytes) => found.push(bytes),
      });
      const facts = (entries: ReadonlyMap<string, TreeEntry>) =>
        [...entries]
          .map(([path, { type, mode, owner, size, target }]) => [
            path,
            type,
            mode,
            owner,
            type === 'f' ? size : '',
            target,
          ])
          .sort();
      expect(facts(told.entries)).toEqual(facts(found.entries));
      expect(told.entries.size).toBe(5);
      expect(host.undocumented()).toEqual([]);
    });
  });
});
