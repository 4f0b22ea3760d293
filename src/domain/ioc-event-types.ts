/**
 * What libiocage calls what happens, for each operation and each step of ours. Pure. Where libiocage has no word,
 * the name is made of ours in the same way: `jail.create` is `JailCreate`. Source: libiocage, "Events".
 */

const operations: Readonly<Record<string, string>> = {
  'jail.start': 'JailStart',
  'jail.stop': 'JailStop',
  'jail.soft-restart': 'JailRestart',
  'jail.clone': 'JailClone',
  'jail.rename': 'JailRename',
  'jail.migrate': 'JailMigrationEvent',
  'jail.update': 'ResourceUpdate',
  'jail.install': 'PackageInstall',
  'jail.provision': 'JailProvisioning',
  'release.fetch': 'FetchRelease',
  'release.mirror': 'PackageFetch',
  'image.export': 'ResourceBackup',
  'image.backup': 'ResourceBackup',
  'image.import': 'ResourceRestore',
  'snapshot.rollback': 'ZFSSnapshotRollback',
};

/** By kind, `kernel.` for that of either driver, or by kind and what it does of several things. */
const steps: Readonly<Record<string, readonly string[]>> = {
  'kernel.hook:prestart': ['JailHookPrestart'],
  'kernel.hook:created': ['JailHookCreated'],
  'kernel.hook:poststart': ['JailHookPoststart'],
  'kernel.hook:prestop': ['JailHookPrestop'],
  'kernel.hook:poststop': ['JailHookPoststop'],
  'kernel.service:exec_start': ['JailHookStart'],
  'kernel.service:exec_stop': ['JailHookStop'],
  // The runtime of a container mounts, and makes the jail, in one go.
  'kernel.run': ['MountFstab', 'JailAttach'],
  'kernel.run:base': ['BasejailStorageConfig', 'MountFstab', 'JailAttach'],
  'kernel.create': ['JailAttach'],
  'kernel.remove': ['JailRemove'],
  'kernel.end-processes': ['JailSoftShutdown'],
  'kernel.mount:base': ['BasejailStorageConfig'],
  'kernel.mount:fstab': ['MountFstab'],
  'kernel.mount:devfs': ['MountDevFS'],
  'kernel.mount:fdescfs': ['MountFdescfs'],
  'kernel.unmount:base': ['BasejailStorageConfig'],
  'kernel.unmount:fstab': ['UnmountFstab'],
  'kernel.unmount:devfs': ['TeardownSystemMounts'],
  'kernel.unmount:fdescfs': ['TeardownSystemMounts'],
  'kernel.network': ['JailNetworkSetup'],
  'kernel.vnet:localhost': ['VnetSetupLocalhost'],
  'kernel.vnet:interfaces': ['VnetInterfaceConfig'],
  'kernel.vnet:routes': ['VnetSetRoutes'],
  'kernel.network-remove': ['JailNetworkTeardown'],
  'kernel.network-drop': ['JailNetworkTeardown'],
  'kernel.limits': ['JailResourceLimitAction'],
  'kernel.limits-lift': ['JailResourceLimitAction'],
  'kernel.resolv-conf': ['JailResolverConfig'],
  'kernel.datasets': ['JailZFSShare', 'AttachZFSDataset'],
  'kernel.command': ['JailCommand'],
  'kernel.command:r10k': ['R10kDeployEvent'],
  'kernel.command:puppet': ['PuppetApplyEvent'],
  'kernel.command:install': ['PackageInstall'],
  'kernel.command:fetch': ['PackageFetch'],
  'jail.pkg:install': ['PackageInstall'],
  'jail.pkg:remove': ['PackageRemove'],
  'jail.pkg': ['JailCommand'],
  'provision.checkout': ['JailProvisioningAssetDownload'],
  'dataset.rename': ['ZFSDatasetRename'],
  'dataset.destroy': ['ZFSDatasetDestroy'],
  'dataset.clone': ['ZFSSnapshotClone'],
  'snapshot.rollback': ['ZFSSnapshotRollback'],
  'fstab.rewrite': ['JailFstabUpdate'],
  'file.adopt-fstab': ['JailFstabUpdate'],
  'file.rewrite:fstab': ['JailFstabUpdate'],
  'file.write:fstab': ['JailFstabUpdate'],
  'download.dataset': ['ReleasePrepareStorage'],
  'download.file': ['ReleaseAssetDownload'],
  'archive.unpack': ['ReleaseExtraction'],
  'release.bootstrap': ['ReleaseDownload'],
  'release.complete': ['ReleaseConfiguration'],
  'release.defaults': ['ReleaseConfiguration'],
  'release.take-state': ['ZFSSnapshotTake'],
  'image.write': ['BundleBackup'],
  'backup.begin': ['ExportConfig', 'ExportFstab'],
  'backup.tree': ['ExportRootDataset'],
  'backup.stream': ['ExportOtherDataset'],
  'backup.stream:root': ['ExportRootDataset'],
  'backup.bundle': ['BundleBackup'],
  'merge.apply': ['ExecuteResourceUpdate'],
  'kernel.update-base': ['RunResourceUpdate'],
  'kernel.update-hardened': ['RunResourceUpdate'],
};

/** Steps that mean another thing in this operation. */
const within: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  // The operation itself is the event of that name.
  'jail.install': { 'kernel.command:install': ['JailCommand'] },
  'release.mirror': { 'kernel.command:fetch': ['JailCommand'] },
  'image.import': {
    'archive.unpack': ['ExtractBundle'],
    'archive.unpack:tree': ['ImportRootDataset'],
    'transfer.receive': ['ImportOtherDataset'],
    'transfer.receive:root': ['ImportRootDataset'],
    'file.write:config': ['ImportConfig'],
    'file.write:fstab': ['ImportFstab'],
  },
};

/** `jail.create` as `JailCreate`, `snapshot.take` as `ZFSSnapshotTake`. */
function ownName(id: string): string {
  return id
    .replace(/^(?=dataset\.|snapshot\.)/, 'ZFS.')
    .replace(/(?:^|[.:_-])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

export function typeOfOperation(id: string): string {
  return operations[id] ?? ownName(id);
}

/** What the start of a jail that another one needs is inside of, from the outside. */
export const neededTypes = ['JailDependantsStart', 'JailDependantStart'] as const;

/** One step can stand for several events of libiocage. */
export function typesOfStep(
  operation: string,
  { kind, which }: { readonly kind: string; readonly which?: readonly string[] },
): readonly string[] {
  const plain = kind.replace(/^(?:linux|freebsd)\./, 'kernel.');
  const keys = which === undefined || which.length === 0 ? [plain] : which.map((one) => `${plain}:${one}`);
  const own = within[operation];
  const types = keys.flatMap(
    (key) => own?.[key] ?? steps[key] ?? steps[plain] ?? [ownName(key.replace(/^kernel\./, 'jail.'))],
  );
  return [...new Set(types)];
}
