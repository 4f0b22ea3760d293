/** The addresses that a jail's properties ask for, and how a planner collects what is wrong with them. Pure. */
import type { Problem } from '../host.ts';
import { ip4AddressList, ip6AddressList, type JailAddress } from '../../domain/address.ts';
import { ValueProblem } from '../../domain/property.ts';

export type Wanted = JailAddress & { readonly family: 4 | 6 };

/** The addresses that are asked for; `ip4=disable` and `ip6=disable` drop their list. Throws ValueProblem. */
export function wantedOf(config: ReadonlyMap<string, string>, family: 4 | 6): readonly Wanted[] {
  const text = config.get(`ip${family}_addr`) ?? 'none';
  if (config.get(`ip${family}`) === 'disable') return [];
  return (family === 4 ? ip4AddressList : ip6AddressList).parse(text).map((item) => ({ ...item, family }));
}

/** Runs the part of a planner that reads properties; a value that cannot be read is a problem of its key. */
export function collect(problems: Problem[], key: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    problems.push({ key, problem: error.message });
  }
}
