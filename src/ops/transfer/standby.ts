/**
 * A received jail is a standby: read-only, so that it stays an earlier state of the one it came from and
 * can be brought up to date (to look at a file is to change its time of access). The first start here
 * makes it a jail of its own.
 */
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { namespace } from '../../domain/property.ts';
import { inheritProperties, setProperties } from '../steps/dataset.ts';

const marker = `${namespace}standby`;
const keys = [marker, 'readonly'] as const;

/** While it is at the place where it is received, and before it is mounted. */
export function standBy({
  jail,
  place,
}: {
  readonly jail: Jail | undefined;
  readonly place: string;
}): readonly Step[] {
  if (jail !== undefined && isStandby(jail)) return [];
  const previous = { [marker]: null, readonly: null };
  return [setProperties({ dataset: place, properties: { [marker]: 'yes', readonly: 'on' }, previous })];
}

/** Before anything is written: what a start makes of a standby. */
export function takeOver(jail: Jail): readonly Step[] {
  if (!isStandby(jail)) return [];
  const previous = { [marker]: 'yes', readonly: 'on' };
  return [inheritProperties({ dataset: jail.dataset, keys, previous })];
}

/** Its snapshots must be those of the original, or the original could not bring it up to date any more. */
export function assertNoStandby(jail: Jail): void {
  if (!isStandby(jail)) return;
  const why = 'it is a standby of another host until it is started here; that host can send it';
  throw failure('UNSUPPORTED', { what: `sending jail ${label(jail)}`, why });
}

export function isStandby(jail: Jail): boolean {
  return jail.local.get('standby') === 'yes';
}
