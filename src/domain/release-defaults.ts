/**
 * What iocage writes into FreeBSD's sets when they become a release: a jail needs neither the boot's network
 * set-up nor a mail server of its own, and its syslogd has no business on the network. Each jail may say
 * otherwise in its own files.
 */
import { setAssignments } from './format/assignments.ts';

const rcConf = {
  netif_enable: '"NO"',
  sendmail_enable: '"NO"',
  sendmail_submit_enable: '"NO"',
  sendmail_msp_queue_enable: '"NO"',
  sendmail_outbound_enable: '"NO"',
  syslogd_flags: '"-ss"',
  cron_flags: `"-m ''"`,
};
const periodicConf = {
  daily_clean_hoststat_enable: '"NO"',
  daily_status_mail_rejects_enable: '"NO"',
  daily_status_include_submit_mailq: '"NO"',
  daily_submit_queuerun: '"NO"',
};
const sysctlConf = { 'net.inet.ip.fw.enable': '0' };

/** By file below the root: its new text from what it says now. */
export const releaseDefaults: readonly (readonly [path: string, edit: (text: string) => string])[] = [
  ['etc/rc.conf', (text) => setAssignments(text, rcConf)],
  ['etc/periodic.conf', (text) => setAssignments(text, periodicConf)],
  ['etc/sysctl.conf', (text) => setAssignments(text, sysctlConf)],
];
