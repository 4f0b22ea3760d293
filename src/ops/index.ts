/** The registry: everything the product can do. Doors and documentation are made from this list. */
import type { Operation } from './operation.ts';
import { failure } from '../domain/errors.ts';
import { jailCreate, jailCreateStart } from './jail/create.ts';
import { jailClone, jailCloneStart } from './jail/clone.ts';
import { jailDestroy } from './jail/destroy.ts';
import { jailDestroyTree } from './jail/destroy-tree.ts';
import { jailPkg } from './jail/pkg.ts';
import { jailUpdate } from './jail/update.ts';
import { hostBoot, jailStart } from './jail/start.ts';
import { hostShutdown, jailStop } from './jail/stop.ts';
import { jailRestart, jailSoftRestart } from './jail/restart.ts';
import { jailChroot, jailConsole, jailExec } from './jail/session.ts';
import { jailDf } from './jail/df.ts';
import { jailList } from './jail/list.ts';
import { jailRuntime } from './jail/runtime.ts';
import { jailRun } from './jail/run.ts';
import { propertyChange } from './jail/change.ts';
import { sourceList } from './host/sources.ts';
import { jailProvision } from './jail/provision.ts';
import { pluginFetch } from './plugin/fetch.ts';
import { pluginList } from './plugin/list.ts';
import { jailQuery } from './jail/query.ts';
import { jailDestroyMany } from './jail/destroy-many.ts';
import { jailCreateFetched } from './jail/create-fetched.ts';
import { jailFork } from './jail/fork.ts';
import { jailCap, jailUncap } from './jail/cap.ts';
import { jailInuse } from './jail/inuse.ts';
import { jailLimits } from './jail/limits.ts';
import { jailPromote } from './jail/promote.ts';
import { jailRename } from './jail/rename.ts';
import { jailRebase, jailUpgrade, rebaseLook, upgradeLook } from './jail/upgrade.ts';
import { upgradeBack, upgradeDone } from './jail/way-back.ts';
import { jailAdopt } from './adopt/adopt.ts';
import { migrateTo } from './jail/migrate-to.ts';
import { imageStreams } from './adopt/streams.ts';
import { jailMigrate } from './jail/migrate.ts';
import { migrateBack, migrateConfirm } from './jail/migrated.ts';
import { propertyReset } from './jail/reset.ts';
import { propertySet } from './jail/set.ts';
import { propertyDefaults, propertyGet } from './jail/get.ts';
import { snapshotList, snapshotRemove, snapshotRollback, snapshotTake } from './snapshot/snapshot.ts';
import { snapshotMount, snapshotUnmount } from './snapshot/mount.ts';
import { snapshotRotate, snapshotScheduled } from './snapshot/scheduled.ts';
import { releaseFetch } from './release/fetch.ts';
import { releaseAdopt } from './release/adopt.ts';
import { releaseList } from './release/list.ts';
import { releaseRemote } from './release/remote.ts';
import { releaseDestroy } from './release/destroy.ts';
import { releaseMirror } from './release/mirror.ts';
import { poolActivate, poolDeactivate, poolShow } from './host/pool.ts';
import { jailInstall } from './jail/install.ts';
import { fstabChange, fstabEdit, fstabList } from './jail/fstab.ts';
import { hostApply } from './plan/apply.ts';
import { hostPlan } from './plan/plan.ts';
import { jailFiles } from './jail/files.ts';
import { poolClean } from './host/clean.ts';
import { hostDoctor } from './host/doctor.ts';
import { debugClean } from './host/clean-debug.ts';
import { hostDebug } from './host/debug.ts';
import { hostHistory } from './host/history.ts';
import { imageBackup } from './image/export-backup.ts';
import { imageExport } from './image/export.ts';
import { imageImport } from './image/import.ts';
import { hostInit } from './transfer/init-host.ts';
import { jailMove } from './transfer/move.ts';
import { jailSend } from './transfer/send.ts';
import { transferAsk, transferReceive } from './transfer/receive.ts';
import { imagePackage, imageRecord } from './image/package.ts';

/** Those with a command of their own, in the order of `iocage help`. */
export const operations: readonly Operation[] = [
  jailList,
  jailCreate,
  jailClone,
  jailStart,
  jailStop,
  jailRestart,
  jailExec,
  jailConsole,
  jailChroot,
  jailRuntime,
  jailPkg,
  jailUpdate,
  jailPromote,
  jailRename,
  jailMove,
  jailUpgrade,
  jailRebase,
  jailMigrate,
  jailDestroy,
  snapshotTake,
  snapshotList,
  snapshotRemove,
  snapshotRollback,
  snapshotMount,
  snapshotUnmount,
  fstabChange,
  jailDf,
  jailLimits,
  jailInuse,
  jailCap,
  jailUncap,
  imageExport,
  imageImport,
  imageRecord,
  imagePackage,
  jailSend,
  transferReceive,
  releaseFetch,
  releaseMirror,
  propertyGet,
  propertySet,
  propertyReset,
  propertyDefaults,
  hostPlan,
  hostApply,
  poolActivate,
  poolDeactivate,
  poolClean,
  hostInit,
  hostDoctor,
  hostHistory,
  hostDebug,
  hostBoot,
  hostShutdown,
];

/** Those that another command leads to (`list -r`, `destroy -r`, `restart -s`). */
export const furtherOperations: readonly Operation[] = [
  releaseList,
  releaseRemote,
  releaseDestroy,
  jailDestroyTree,
  jailSoftRestart,
  upgradeLook,
  rebaseLook,
  upgradeBack,
  upgradeDone,
  migrateConfirm,
  migrateBack,
  jailAdopt,
  migrateTo,
  imageStreams,
  imageBackup,
  jailCreateStart,
  jailCloneStart,
  fstabList,
  fstabEdit,
  snapshotScheduled,
  snapshotRotate,
  jailFiles,
  jailInstall,
  debugClean,
  transferAsk,
  poolShow,
  jailRun,
  jailQuery,
  propertyChange,
  sourceList,
  releaseAdopt,
  jailProvision,
  pluginFetch,
  pluginList,
  jailDestroyMany,
  jailCreateFetched,
  jailFork,
];

export function getOperation(id: string): Operation {
  const found = [...operations, ...furtherOperations].find((operation) => operation.id === id);
  if (found === undefined) throw failure('UNKNOWN_COMMAND', { command: id, isId: true });
  return found;
}
