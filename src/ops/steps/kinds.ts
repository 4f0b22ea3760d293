/** Finds the kind of a step: the storage's, the files', the releases' and the host driver's own. */
import type { Step } from '../../driver/system.ts';
import type { StepKind } from '../../driver/step.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { backupKinds } from './backup.ts';
import { basePackageKinds } from './base-packages.ts';
import { datasetKinds } from './dataset.ts';
import { fileKinds } from './file.ts';
import { rewriteFstab } from './fstab.ts';
import { checkoutKinds } from './checkout.ts';
import { configKinds } from './config-file.ts';
import { moveKinds } from './move.ts';
import { rootFileKinds } from './root-file.ts';
import { releaseKinds } from './release.ts';
import { takeState } from './release-state.ts';
import { treeKinds } from './tree.ts';
import { imageKinds } from './image.ts';
import { packageKinds } from './package.ts';
import { guardKinds } from './guard.ts';
import { transferKinds } from './transfer.ts';
import { hostKinds } from './other-host.ts';
import { mergeKinds } from './merge.ts';

const rooms = [
  datasetKinds,
  fileKinds,
  releaseKinds,
  [takeState],
  moveKinds,
  treeKinds,
  imageKinds,
  packageKinds,
  guardKinds,
  transferKinds,
  hostKinds,
  mergeKinds,
  [rewriteFstab],
  configKinds,
  basePackageKinds,
  rootFileKinds,
  checkoutKinds,
  backupKinds,
];
const shared = new Map<string, StepKind>(rooms.flat().map((kind) => [kind.kind, kind as StepKind]));

export function kindOf(context: Pick<Context, 'host'>, step: Step): StepKind {
  const kind = shared.get(step.kind) ?? context.host.kinds.find((known) => known.kind === step.kind);
  if (kind === undefined)
    throw failure('INTERNAL', { why: `unknown kind of step ${JSON.stringify(step.kind)}` });
  return kind;
}
