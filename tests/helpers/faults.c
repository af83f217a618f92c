/* Makes the n-th call of one kind fail, of calls on files below a folder; see faults.py.
 *
 * Preloaded. What to fail is in a file that the test maps too, so that it can change while the
 * process runs and is shared with the processes that this one starts.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum call {
    NONE, WRITE, FSYNC, RENAME, UNLINK, READ, CREATE, TRUNCATE, OPEN, MKDIR, THREAD, ALLOCATE
};

struct control {          /* as faults.py packs it */
    int32_t call;         /* the kind to fail */
    int32_t first;        /* number of the first call that fails, from 1; 0: none */
    int32_t times;        /* so many calls fail; 0: all from the first on */
    int32_t error;        /* errno; 0: the process is killed instead */
    int32_t torn;         /* the first write that fails leaves half of its bytes */
    _Atomic int32_t seen; /* calls so far */
    char under[PATH_MAX];
};

static struct control* control;

__attribute__((constructor)) static void map_control(void) {
    const char* path = getenv("PCR_FAULTS");
    int descriptor = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor < 0) return;
    void* mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (mapped != MAP_FAILED) control = mapped;
}

static int is_under(const char* path) {
    size_t length = strlen(control->under);
    return strncmp(path, control->under, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

/* 0: go on; 1: fail, errno is set; 2: the same, but a write leaves half of its bytes first. */
static int counted(void) {
    int32_t number = atomic_fetch_add(&control->seen, 1) + 1, first = control->first;
    if (!first || number < first || (control->times && number >= first + control->times)) return 0;
    if (!control->error) raise(SIGKILL);
    errno = control->error;
    return control->torn && number == first ? 2 : 1;
}

static int fails(enum call call, int descriptor) {
    if (!control || control->call != call) return 0;
    char name[64], path[PATH_MAX];
    int saved = errno;
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(name, path, sizeof path - 1);
    errno = saved;
    if (length < 0) return 0;
    path[length] = '\0';
    return is_under(path) ? counted() : 0;
}

static int fails_at(enum call call, int folder, const char* path) {
    if (!control || control->call != call || !path) return 0;
    if (path[0] == '/') return is_under(path) ? counted() : 0;
    if (folder != AT_FDCWD) return fails(call, folder);
    char here[PATH_MAX];
    return getcwd(here, sizeof here) && is_under(here) ? counted() : 0;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (!real) real = NEXT(name)

#define WRITE_CALL(name, parameters, whole, half)      \
    ssize_t name parameters {                          \
        REAL(name);                                    \
        int failed = fails(WRITE, descriptor);         \
        if (failed == 2 && size > 1) return real half; \
        return failed ? -1 : real whole;               \
    }
WRITE_CALL(write, (int descriptor, const void* data, size_t size), (descriptor, data, size),
           (descriptor, data, size / 2))
WRITE_CALL(pwrite, (int descriptor, const void* data, size_t size, off_t at),
           (descriptor, data, size, at), (descriptor, data, size / 2, at))
WRITE_CALL(pwrite64, (int descriptor, const void* data, size_t size, off64_t at),
           (descriptor, data, size, at), (descriptor, data, size / 2, at))
WRITE_CALL(sendfile, (int descriptor, int from, off_t* at, size_t size),
           (descriptor, from, at, size), (descriptor, from, at, size / 2))
WRITE_CALL(sendfile64, (int descriptor, int from, off64_t* at, size_t size),
           (descriptor, from, at, size), (descriptor, from, at, size / 2))

ssize_t writev(int descriptor, const struct iovec* parts, int count) {
    REAL(writev);
    return fails(WRITE, descriptor) ? -1 : real(descriptor, parts, count);
}

ssize_t copy_file_range(int from, off64_t* from_at, int descriptor, off64_t* at, size_t size,
                        unsigned flags) {
    REAL(copy_file_range);
    return fails(WRITE, descriptor) ? -1 : real(from, from_at, descriptor, at, size, flags);
}

#define DESCRIPTOR_CALL(type, name, call, parameters, arguments) \
    type name parameters {                                       \
        REAL(name);                                              \
        return fails(call, descriptor) ? -1 : real arguments;    \
    }
DESCRIPTOR_CALL(int, fsync, FSYNC, (int descriptor), (descriptor))
DESCRIPTOR_CALL(int, fdatasync, FSYNC, (int descriptor), (descriptor))
DESCRIPTOR_CALL(int, ftruncate, TRUNCATE, (int descriptor, off_t size), (descriptor, size))
DESCRIPTOR_CALL(int, ftruncate64, TRUNCATE, (int descriptor, off64_t size), (descriptor, size))
DESCRIPTOR_CALL(ssize_t, read, READ, (int descriptor, void* data, size_t size),
                (descriptor, data, size))
DESCRIPTOR_CALL(ssize_t, pread, READ, (int descriptor, void* data, size_t size, off_t at),
                (descriptor, data, size, at))
DESCRIPTOR_CALL(ssize_t, pread64, READ, (int descriptor, void* data, size_t size, off64_t at),
                (descriptor, data, size, at))

#define PATH_CALL(name, call, folder, path, parameters, arguments) \
    int name parameters {                                          \
        REAL(name);                                                \
        return fails_at(call, folder, path) ? -1 : real arguments; \
    }
PATH_CALL(rename, RENAME, AT_FDCWD, to, (const char* from, const char* to), (from, to))
PATH_CALL(renameat, RENAME, folder, to, (int source, const char* from, int folder, const char* to),
          (source, from, folder, to))
PATH_CALL(renameat2, RENAME, folder, to,
          (int source, const char* from, int folder, const char* to, unsigned flags),
          (source, from, folder, to, flags))
PATH_CALL(link, RENAME, AT_FDCWD, to, (const char* from, const char* to), (from, to))
PATH_CALL(linkat, RENAME, folder, to,
          (int source, const char* from, int folder, const char* to, int flags),
          (source, from, folder, to, flags))
PATH_CALL(unlink, UNLINK, AT_FDCWD, path, (const char* path), (path))
PATH_CALL(unlinkat, UNLINK, folder, path, (int folder, const char* path, int flags),
          (folder, path, flags))

PATH_CALL(mkdir, MKDIR, AT_FDCWD, path, (const char* path, mode_t mode), (path, mode))
PATH_CALL(mkdirat, MKDIR, folder, path, (int folder, const char* path, mode_t mode),
          (folder, path, mode))

#define OPEN_CALL(name, folder, parameters, arguments)     \
    int name parameters {                                  \
        REAL(name);                                        \
        mode_t mode = 0;                                   \
        if (flags & (O_CREAT | __O_TMPFILE)) {             \
            va_list rest;                                  \
            va_start(rest, flags);                         \
            mode = va_arg(rest, mode_t);                   \
            va_end(rest);                                  \
            if (fails_at(CREATE, folder, path)) return -1; \
        } else if (fails_at(OPEN, folder, path)) {         \
            return -1;                                     \
        }                                                  \
        return real arguments;                             \
    }
OPEN_CALL(open, AT_FDCWD, (const char* path, int flags, ...), (path, flags, mode))
OPEN_CALL(open64, AT_FDCWD, (const char* path, int flags, ...), (path, flags, mode))
OPEN_CALL(openat, folder, (int folder, const char* path, int flags, ...),
          (folder, path, flags, mode))
OPEN_CALL(openat64, folder, (int folder, const char* path, int flags, ...),
          (folder, path, flags, mode))

DIR* opendir(const char* path) {
    REAL(opendir);
    return fails_at(OPEN, AT_FDCWD, path) ? NULL : real(path);
}

/* Threads and memory belong to no folder: all calls of the process count. */

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                   void* argument) {
    REAL(pthread_create);
    if (control && control->call == THREAD && counted()) return control->error;
    return real(thread, attributes, run, argument);
}

#define LARGE 65536 /* bytes: buffers of images, not objects of the interpreter or of threads */
#define ALLOCATE_CALL(name, parameters, size, arguments)                               \
    void* __libc_##name parameters;                                                    \
    void* name parameters {                                                            \
        int large = control && control->call == ALLOCATE && (size) >= LARGE;           \
        return large && counted() ? NULL : __libc_##name arguments;                    \
    }
ALLOCATE_CALL(malloc, (size_t size), size, (size))
ALLOCATE_CALL(calloc, (size_t count, size_t size), count* size, (count, size))
ALLOCATE_CALL(realloc, (void* old, size_t size), size, (old, size))
