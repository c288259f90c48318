/* A disk that fails on command, a power cut and a kill at an exact point, for one process.
 *
 * Preloaded (LD_PRELOAD) it stands before the C library's calls that change files and send bytes.
 * It acts on regular files and folders below FAULT_DIR (an absolute, resolved path) and on
 * sockets, and leaves everything else alone. Without FAULT_DIR it does nothing.
 *
 * What it does is a plan: rules "ACTION KIND N [ERROR]", one a line or parted by ";". The plan is
 * the text of the file FAULT_CONTROL, read again at every call, so that a test can change it while
 * the process runs; without that variable it is the text of FAULT_PLAN.
 *
 *   ACTION  fail    the N-th call of the kind and all later ones fail with ERROR and do nothing
 *           tear    the N-th call of the kind does half of its bytes (of its buffers, where it
 *                   has several), then the process is killed
 *           kill    the process is killed before the N-th call of the kind does anything
 *   KIND    write   write, writev, pwrite, pwritev, ftruncate, fallocate on a file
 *           pwrite  pwrite, pwritev on a file, and nothing else
 *           sync    fsync, fdatasync of a file or folder
 *           send    write, writev, send, sendto, sendmsg on a socket
 *           any     all of these
 *   ERROR   EIO (the default), ENOSPC, EROFS
 *
 * N counts from 1, over all threads; it starts again when the text of the plan changes.
 * FAULT_SHADOW, a folder, receives what a power cut would leave: see shadow.c.
 *
 * Not seen: stores through a shared mapping, O_SYNC, io_uring, sendfile and copy_file_range, calls
 * made without the C library. All real work is done by system call, so nothing here calls itself.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, PWRITE = 2, SYNC = 4, SEND = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char plan[1024];
static unsigned long calls[16]; /* by set of kinds: how many calls were of one of them */
static __thread int torn;

const char *below_dir(int fd, char path[PATH_MAX])
{
    const char *dir = getenv("FAULT_DIR");
    size_t length = dir ? strlen(dir) : 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t got = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[got > 0 ? got : 0] = '\0';
    if (!length || strncmp(path, dir, length) != 0 || strstr(path, " (deleted)"))
        return NULL;
    if (path[length] == '\0')
        return path + length;
    return path[length] == '/' ? path + length + 1 : NULL;
}

static void read_plan(void)
{
    char text[sizeof plan] = "";
    const char *control = getenv("FAULT_CONTROL"), *fixed = getenv("FAULT_PLAN");
    if (control) {
        int fd = syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC, 0);
        if (fd >= 0) {
            ssize_t got = syscall(SYS_read, fd, text, sizeof text - 1);
            text[got > 0 ? got : 0] = '\0';
            syscall(SYS_close, fd);
        }
    } else if (fixed) {
        snprintf(text, sizeof text, "%s", fixed);
    }
    if (strcmp(text, plan) != 0) {
        memcpy(plan, text, sizeof plan);
        memset(calls, 0, sizeof calls);
    }
}

static unsigned kinds_named(const char *word)
{
    return !strcmp(word, "any") ? WRITE | SYNC | SEND
         : !strcmp(word, "write") ? WRITE
         : !strcmp(word, "pwrite") ? PWRITE
         : !strcmp(word, "sync") ? SYNC
         : !strcmp(word, "send") ? SEND
         : 0;
}

static int error_named(const char *word)
{
    return !strcmp(word, "ENOSPC") ? ENOSPC : !strcmp(word, "EROFS") ? EROFS : EIO;
}

static void die(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

/* Counts a call of these kinds, then does what the plan wants of it: the error to fail with. */
static int judge(unsigned kinds)
{
    int failure = 0;
    char rules[sizeof plan], *rest = rules, *rule;
    pthread_mutex_lock(&lock);
    read_plan();
    for (unsigned set = 1; set < 16; set++)
        calls[set] += (set & kinds) != 0;
    memcpy(rules, plan, sizeof rules);
    while ((rule = strsep(&rest, ";\n"))) {
        char action[8] = "", kind[8] = "", error[8] = "EIO";
        unsigned long n = 0;
        if (sscanf(rule, " %7s %7s %lu %7s", action, kind, &n, error) < 3)
            continue;
        unsigned set = kinds_named(kind);
        if (!(set & kinds) || calls[set] < n)
            continue;
        if (!strcmp(action, "fail"))
            failure = error_named(error);
        else if (!strcmp(action, "kill") && calls[set] == n)
            die();
        else if (!strcmp(action, "tear") && calls[set] == n)
            torn = 1;
    }
    pthread_mutex_unlock(&lock);
    return failure;
}

/* Whether a call that changes or syncs a file, or sends on a socket, must fail; sets errno. */
static int fails(int fd, unsigned on_file)
{
    char path[PATH_MAX];
    struct stat status;
    int saved = errno, failure = 0;
    if (getenv("FAULT_DIR") && syscall(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) == 0) {
        if (S_ISSOCK(status.st_mode))
            failure = judge(SEND);
        else if ((S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) && below_dir(fd, path))
            failure = judge(on_file);
    }
    errno = failure ? failure : saved;
    return failure;
}

/* Half of a count where the call is to be torn, all of it otherwise. */
static size_t part(size_t count)
{
    return torn ? count / 2 : count;
}

/* The end of every call that can be torn. */
static ssize_t done(ssize_t result)
{
    if (torn)
        die();
    return result;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    return fails(fd, WRITE) ? -1 : done(syscall(SYS_write, fd, bytes, part(n)));
}

ssize_t writev(int fd, const struct iovec *buffers, int n)
{
    return fails(fd, WRITE) ? -1 : done(syscall(SYS_writev, fd, buffers, part(n)));
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return fails(fd, WRITE | PWRITE) ? -1 : done(syscall(SYS_pwrite64, fd, bytes, part(n), at));
}

ssize_t pwritev2(int fd, const struct iovec *buffers, int n, off_t at, int flags)
{
    if (fails(fd, WRITE | PWRITE))
        return -1;
    return done(syscall(SYS_pwritev2, fd, buffers, part(n), at, 0, flags));
}

ssize_t pwritev(int fd, const struct iovec *buffers, int n, off_t at)
{
    return pwritev2(fd, buffers, n, at, 0);
}

int ftruncate(int fd, off_t size)
{
    return fails(fd, WRITE) ? -1 : done(syscall(SYS_ftruncate, fd, size));
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
    return fails(fd, WRITE) ? -1 : done(syscall(SYS_fallocate, fd, mode, at, size));
}

int posix_fallocate(int fd, off_t at, off_t size)
{
    return fallocate(fd, 0, at, size) == 0 ? 0 : errno;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at) __attribute__((alias("pwrite")));
ssize_t pwritev64(int fd, const struct iovec *b, int n, off_t at) __attribute__((alias("pwritev")));
ssize_t pwritev64v2(int fd, const struct iovec *buffers, int n, off_t at, int flags)
    __attribute__((alias("pwritev2")));
int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));
int fallocate64(int fd, int mode, off_t at, off_t n) __attribute__((alias("fallocate")));
int posix_fallocate64(int fd, off_t at, off_t n) __attribute__((alias("posix_fallocate")));

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    return fails(fd, 0) ? -1 : done(syscall(SYS_sendto, fd, bytes, part(n), flags, NULL, 0));
}

ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to,
               socklen_t length)
{
    return fails(fd, 0) ? -1 : done(syscall(SYS_sendto, fd, bytes, part(n), flags, to, length));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (fails(fd, 0))
        return -1;
    struct msghdr copy = *message;
    copy.msg_iovlen = part(copy.msg_iovlen);
    return done(syscall(SYS_sendmsg, fd, &copy, flags));
}

static int sync_by(long number, int fd)
{
    if (fails(fd, SYNC) || done(syscall(number, fd)) != 0)
        return -1;
    mirror_sync(fd);
    return 0;
}

int fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    int result = syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if (result == 0)
        mirror_name(from_dir, from, to_dir, to);
    return result;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int dir, const char *name, int flags)
{
    int result = syscall(SYS_unlinkat, dir, name, flags);
    if (result == 0)
        mirror_name(dir, name, AT_FDCWD, NULL);
    return result;
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}
