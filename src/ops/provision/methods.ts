/** The ways in which a jail is set up, one row each. A further one is a further row. */
import type { ProvisionMethod } from '../../domain/provision.ts';
import { ix } from './ix.ts';
import type { Method } from './method.ts';
import { puppet } from './puppet.ts';
import { script } from './script.ts';

export const methods: Readonly<Record<ProvisionMethod, Method>> = { script, ix, puppet };
