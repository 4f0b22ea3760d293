/**
 * The system calls that a jail may make, by purpose, and those that are refused by name. What stands
 * in neither list answers ENOSYS, so that a program written for a newer kernel falls back instead of
 * failing. See syscalls(2), seccomp(2). Data only.
 *
 * ptrace is allowed: the process namespace leaves only the jail's own processes to trace, and since
 * Linux 4.8 a traced call passes the filter again. io_uring is left out: it makes calls that no filter sees.
 */
const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const allowedCalls: Readonly<Record<string, readonly string[]>> = {
  files: words(`
    access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3
    faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32
    fchownat fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate
    ftruncate64 futimesat getcwd getdents getdents64 ioctl lchown lchown32 link linkat lseek lstat lstat64
    mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64 preadv preadv2
    pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir
    sendfile sendfile64 splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range
    sync_file_range2 syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat utimes vmsplice
    write writev chroot`),
  attributes: words(`
    fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat
    llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat`),
  waiting: words(`
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2
    inotify_add_watch inotify_init inotify_init1 inotify_rm_watch fanotify_mark io_cancel io_destroy
    io_getevents io_pgetevents io_setup io_submit pipe pipe2 poll ppoll pselect6 select _newselect
    signalfd signalfd4`),
  memory: words(`
    brk get_mempolicy madvise map_shadow_stack mbind membarrier memfd_create memfd_secret mincore mlock
    mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
    pkey_mprotect process_madvise process_mrelease remap_file_pages set_mempolicy`),
  processes: words(`
    arch_prctl capget capset execve execveat exit exit_group fork futex futex_requeue futex_wait
    futex_waitv futex_wake get_robust_list get_thread_area getcpu getegid geteuid getgid getgroups getpgid
    getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid
    ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self pause
    pidfd_open pidfd_send_signal prctl prlimit64 ptrace restart_syscall rseq rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address setfsgid
    setfsuid setgid setgroups setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid
    setuid sigaltstack sysinfo tgkill times tkill ugetrlimit uname vfork wait4 waitid waitpid`),
  time: words(`
    alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time
    timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime
    timerfd_settime`),
  network: words(`
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmsg
    send sendmmsg sendmsg sendto setsockopt shutdown socketpair getrandom`),
  ipc: words(`
    mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd
    semctl semget semop semtimedop shmat shmctl shmdt shmget`),
};

/** Refused with EPERM, as a jail's root expects of things that only the host may do. */
export const refusedCalls: Readonly<Record<string, readonly string[]>> = {
  kernel: words(`
    create_module delete_module finit_module get_kernel_syms init_module kexec_file_load kexec_load
    query_module reboot swapoff swapon sysfs _sysctl uselib nfsservctl acct iopl ioperm vm86 vm86old
    lookup_dcookie syslog vhangup vserver`),
  mounts: words(`
    mount umount umount2 pivot_root fsopen fsconfig fsmount fspick move_mount open_tree open_tree_attr
    mount_setattr statmount listmount quotactl quotactl_fd open_by_handle_at fanotify_init`),
  clock: words(`adjtimex clock_adjtime clock_settime clock_settime64 settimeofday stime`),
  names: words(`sethostname setdomainname setns`),
  spying: words(`
    bpf kcmp perf_event_open process_vm_readv process_vm_writev pidfd_getfd userfaultfd add_key keyctl
    request_key move_pages migrate_pages set_mempolicy_home_node`),
};
