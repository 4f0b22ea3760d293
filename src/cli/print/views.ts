/**
 * How results look: one row per operation, from its result to a table or to lines; the rows stand in
 * `views/`. `--json` never comes here. Columns of the tables follow the Python line, those of
 * `--format legacy` the original.
 */
import { bootViews } from './views/boot.ts';
import { changeViews } from './views/change.ts';
import { limitViews } from './views/limits.ts';
import { debugViews } from './views/debug.ts';
import { migrateViews } from './views/migrate.ts';
import { planViews } from './views/plan.ts';
import { historyViews } from './views/history.ts';
import { fstabViews } from './views/fstab.ts';
import { lifeViews } from './views/life.ts';
import { imageViews } from './views/image.ts';
import { listViews } from './views/list.ts';
import { packageViews } from './views/packages.ts';
import { pluginViews } from './views/plugin.ts';
import { propertyViews } from './views/property.ts';
import { serverViews } from './views/server.ts';
import { snapshotViews } from './views/snapshot.ts';
import { spaceViews } from './views/space.ts';
import { transferViews } from './views/transfer.ts';
import { upgradeViews } from './views/upgrade.ts';
import type { View, Views } from './views/view.ts';

export type { Ask, Shown, View } from './views/view.ts';

export const views: Views = {
  ...listViews,
  ...spaceViews,
  ...pluginViews,
  ...propertyViews,
  ...snapshotViews,
  ...changeViews,
  ...limitViews,
  ...bootViews,
  ...fstabViews,
  ...historyViews,
  ...planViews,
  ...debugViews,
  ...lifeViews,
  ...imageViews,
  ...packageViews,
  ...transferViews,
  ...upgradeViews,
  ...migrateViews,
  ...serverViews,
};

export function viewOf(operation: string): View | undefined {
  return Object.hasOwn(views, operation) ? views[operation] : undefined;
}
