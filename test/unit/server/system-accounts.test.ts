/** Accounts of the host: what they may do, and what pamtester is given. */
import { describe, expect, it } from 'vitest';
import { failure } from '../../../src/domain/errors.ts';
import type { Exec, RunOptions, RunResult } from '../../../src/driver/system.ts';
import { NodeExec } from '../../../src/driver/node/exec.ts';
import { checkSystemPassword, hasPam, levelOfSystemAccount } from '../../../src/server/system-accounts.ts';

const rules = { service: 'login', fullGroups: ['wheel', 'sudo'], limitedGroups: ['operator'] };

interface Ran {
  readonly argv: readonly string[];
  readonly input: string | undefined;
}

/** Programs of the host, as far as they are asked for. */
function host(answers: Readonly<Record<string, { status?: number; stdout?: string }>>): {
  exec: Exec;
  ran: Ran[];
} {
  const ran: Ran[] = [];
  const read = (argv: readonly string[], options: RunOptions = {}): Promise<RunResult> => {
    ran.push({ argv, input: options.input });
    const answer = answers[argv[0]!];
    if (answer === undefined) return Promise.reject(failure('MISSING_TOOL', { tool: argv[0]! }));
    return Promise.resolve({ argv, status: 0, stdout: '', stderr: '', durationMs: 0, ...answer });
  };
  const exec: Exec = { ...new NodeExec(), read } as unknown as Exec;
  return { exec, ran };
}

describe('the level of an account', () => {
  it.each([
    ['ann', 'users wheel\n', 'full'],
    ['ann', 'ann sudo operator\n', 'full'],
    ['ann', 'ann operator\n', 'limited'],
    ['ann', 'ann users wheelbarrow\n', undefined],
    ['ann', '\n', undefined],
    ['root', '', 'full'],
    ['toor', '', 'full'],
  ])('%s in %j: %s', async (user, stdout, level) => {
    expect(await levelOfSystemAccount(host({ id: { stdout } }).exec, user, rules)).toBe(level);
  });

  it('nobody of that name, and names that are none, are refused without a question', async () => {
    const { exec, ran } = host({ id: { status: 1 } });
    expect(await levelOfSystemAccount(exec, 'eve', rules)).toBeUndefined();
    expect(ran).toEqual([{ argv: ['id', '-nG', '--', 'eve'], input: undefined }]);
    for (const user of ['', '-x', 'a b', 'a\nb', '../root', '0', 'x'.repeat(40), 'a$(id)'])
      expect(await levelOfSystemAccount(exec, user, rules)).toBeUndefined();
    expect(ran).toHaveLength(1);
  });
});

describe('a password of the host', () => {
  it('goes through standard input, and the account is checked too', async () => {
    const { exec, ran } = host({ pamtester: {} });
    expect(await checkSystemPassword(exec, 'ann', `p"w $(id)`, rules)).toBe(true);
    expect(ran).toEqual([
      { argv: ['pamtester', 'login', 'ann', 'authenticate', 'acct_mgmt'], input: 'p"w $(id)\n' },
    ]);
  });

  it('is wrong when pamtester says so, when there is none, and when it cannot be one', async () => {
    expect(await checkSystemPassword(host({ pamtester: { status: 1 } }).exec, 'ann', 'x', rules)).toBe(false);
    expect(await checkSystemPassword(host({}).exec, 'ann', 'x', rules)).toBe(false);
    const { exec, ran } = host({ pamtester: {} });
    for (const password of ['', 'a\nb', 'a\rb', 'a\0b'])
      expect(await checkSystemPassword(exec, 'ann', password, rules)).toBe(false);
    expect(await checkSystemPassword(exec, '-x', 'x', rules)).toBe(false);
    expect(ran).toEqual([]);
  });

  it('can be checked only where pamtester is installed', async () => {
    expect(await hasPam(host({ pamtester: { status: 1 } }).exec)).toBe(true);
    expect(await hasPam(host({}).exec)).toBe(false);
  });
});
