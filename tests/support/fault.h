/* What the two halves of the fault shim know of each other; see fault.c. */
#ifndef FAULT_H
#define FAULT_H

#define _GNU_SOURCE
#include <limits.h>

/* The path of an open file relative to FAULT_DIR ("" for FAULT_DIR itself), or NULL. */
const char *below_dir(int fd, char path[PATH_MAX]);

/* Called after a sync of a file or folder succeeded: makes the shadow what is now durable. */
void mirror_sync(int fd);

/* Called after a rename or unlink succeeded; `to` is NULL for an unlink. */
void mirror_name(int from_folder, const char *from, int to_folder, const char *to);

#endif
