/* What a power cut would leave of the files below FAULT_DIR, kept as copies below FAULT_SHADOW.
 *
 * A successful fsync or fdatasync of a file copies all of it to the same place in the shadow; what
 * was only written is not there. Names are nearly as hard as POSIX allows: a rename or unlink
 * reaches the shadow when a folder of it is synced, or when the file that has the name now is
 * synced, as on ext4 and xfs, which also make the name of a new file durable with its first sync.
 * A file that appears in a synced folder but was never synced itself is there, and empty.
 * A sync that fails, truly or by plan, copies nothing.
 */
#include "fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A name that changed and is not durable yet; `to` is "" for an unlink. */
struct change {
    char from[PATH_MAX], to[PATH_MAX];
    struct change *next; /* older changes come first */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct change *changes;

static int in_shadow(const char *below, char path[PATH_MAX])
{
    const char *shadow = getenv("FAULT_SHADOW");
    int length = shadow ? snprintf(path, PATH_MAX, "%s/%s", shadow, below) : -1;
    if (length < 0 || length >= PATH_MAX)
        return 0;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        syscall(SYS_mkdirat, AT_FDCWD, path, 0755);
        *slash = '/';
    }
    return 1;
}

static int is_in(const char *folder, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    return *path && strlen(folder) == length && strncmp(path, folder, length) == 0;
}

static int is(const char *name, const char *path)
{
    return *path && strcmp(name, path) == 0;
}

/* Applies the changes of which either name is meant, the older ones first. */
static void settle(int (*meant)(const char *, const char *), const char *name)
{
    char from[PATH_MAX], to[PATH_MAX];
    for (struct change **at = &changes, *change; (change = *at);) {
        if (!meant(name, change->from) && !meant(name, change->to)) {
            at = &change->next;
            continue;
        }
        if (*change->to && in_shadow(change->from, from) && in_shadow(change->to, to))
            syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
        else if (in_shadow(change->from, from))
            syscall(SYS_unlinkat, AT_FDCWD, from, 0);
        *at = change->next;
        free(change);
    }
}

/* Written beside its place, then renamed over it: a kill in the middle leaves the older copy. */
static void copy_file(int fd, const char *below, off_t size)
{
    char place[PATH_MAX], fresh[PATH_MAX + 8], self[64];
    off_t at = 0;
    if (!in_shadow(below, place))
        return;
    snprintf(fresh, sizeof fresh, "%s.fresh", place);
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd); /* which may be open for writing only */
    int in = syscall(SYS_openat, AT_FDCWD, self, O_RDONLY | O_CLOEXEC, 0);
    int out = syscall(SYS_openat, AT_FDCWD, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    while (at < size && syscall(SYS_sendfile, out, in, &at, (size_t)(size - at)) > 0)
        ;
    syscall(SYS_close, in);
    syscall(SYS_close, out);
    syscall(SYS_renameat2, AT_FDCWD, fresh, AT_FDCWD, place, 0);
}

/* Gives every file that the folder holds a name in the shadow. */
static void copy_names(int fd, const char *folder)
{
    char path[PATH_MAX], below[PATH_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    DIR *listing = opendir(path);
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        int length = snprintf(below, PATH_MAX, "%s%s%s", folder, *folder ? "/" : "", entry->d_name);
        if (entry->d_type != DT_REG || length >= PATH_MAX || !in_shadow(below, path))
            continue;
        syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0644));
    }
    if (listing)
        closedir(listing);
}

void mirror_sync(int fd)
{
    char path[PATH_MAX];
    struct stat status;
    int saved = errno;
    const char *below = getenv("FAULT_SHADOW") ? below_dir(fd, path) : NULL;
    if (below && syscall(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH) == 0) {
        pthread_mutex_lock(&lock);
        settle(S_ISDIR(status.st_mode) ? is_in : is, below);
        if (S_ISDIR(status.st_mode))
            copy_names(fd, below);
        else
            copy_file(fd, below, status.st_size);
        pthread_mutex_unlock(&lock);
    }
    errno = saved;
}

/* The path relative to FAULT_DIR of a name whose folder exists, though it itself may not. */
static int name_below(int folder, const char *name, char path[PATH_MAX])
{
    char parent[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(name, '/');
    if (snprintf(parent, PATH_MAX, "%.*s.", slash ? (int)(slash - name + 1) : 0, name) >= PATH_MAX)
        return 0;
    int fd = syscall(SYS_openat, folder, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    const char *below = below_dir(fd, real);
    syscall(SYS_close, fd);
    if (!below)
        return 0;
    name = slash ? slash + 1 : name;
    return snprintf(path, PATH_MAX, "%s%s%s", below, *below ? "/" : "", name) < PATH_MAX;
}

void mirror_name(int from_folder, const char *from, int to_folder, const char *to)
{
    int saved = errno;
    struct change *change = getenv("FAULT_SHADOW") ? calloc(1, sizeof *change) : NULL;
    if (change && name_below(from_folder, from, change->from)
        && (!to || name_below(to_folder, to, change->to))) {
        pthread_mutex_lock(&lock);
        struct change **last = &changes;
        while (*last)
            last = &(*last)->next;
        *last = change;
        pthread_mutex_unlock(&lock);
    } else {
        free(change);
    }
    errno = saved;
}
