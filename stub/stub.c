/* The stub: what a program of a bundle that may be unpacked anywhere begins with.
 *
 * The kernel has no interpreter relative to a program. So the program has none (no PT_INTERP), and begins here. The stub finds
 * its own file, maps the bundle's loader as the kernel would have done (fs/binfmt_elf.c), and jumps to it; the loader finds a
 * process as the kernel makes one. Before that, it carries out what the table behind its code says: environment, arguments,
 * folder, descriptor. The table's format: docs/design.md, "The stub".
 *
 * With LAUNCHER it is a program of its own, which starts another one of the bundle in its place: a script's interpreter, a
 * wrapped program.
 *
 * It is flat code in a segment of the program's own: position-independent, without relocations, writable data, or a libc; small
 * comes before fast. Linux 3.10 is enough.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long word;

#if defined __x86_64__
#include "x86_64.h"
#elif defined __aarch64__
#include "aarch64.h"
#endif

/* What to jump to, and the words to put on the stack before that, if there are any: argc, argv, envp, auxv. */
struct jump {
    word entry;
    word *block;
    word bytes;
};

/* Behind the code; the linker script puts it there. */
struct table {
    u8 magic[8];
    /* Addresses by the program's headers: its own, and where the program begins. */
    word self, entry;
    /* Bytes of all of it. */
    u32 size;
    /* So many folders above the program's own is the bundle's root. */
    u8 up;
    /* The descriptor that is to lead to the anchor; 0: none. */
    u8 anchor;
    u16 reserved;
    /* Three strings, each with its NUL: the loader, below the root unless it begins with a slash; the root, where it is not to be
     * found out; the anchor's folder, below the root. Then records: a letter, and strings. A NUL ends them. */
    char strings[];
};
extern const struct table table __attribute__((visibility("hidden")));

/* Of the environment: each has a name, a value, and for PREFIX and SUFFIX the separator, for where there is an old one. */
enum { SET = 's', DEFAULT = 'd', UNSET = 'u', PREFIX = 'p', SUFFIX = 'x' };
/* Of the arguments, in their order: argv[0] instead of the user's, an argument, the user's own from argv[1] on; and the folder to
 * go to. Each has one string. */
enum { ARGV0 = '0', ARGUMENT = 'a', USERS = '*', FOLDER = 'c' };

/* How paths through the anchor begin, as explant writes them (src/stub/mod.rs). */
#define ANCHORED "/proc/self/fd/240/"

/* What stands in a value for the root's path, and for the path that the program was started by. */
enum { ROOT = 1, STARTED = 2 };

enum { PATH_MAX = 4096, HOPS = 40, CHUNK = 65536, HEADERS = 2048 };
enum { AT_FDCWD = -100, SEEK_END = 2, RLIMIT_NOFILE = 7, ENOEXEC = 8, EINVAL = 22, ENAMETOOLONG = 36 };
enum { O_PATH = 010000000, O_CLOEXEC = 02000000 };
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_PRIVATE = 2, MAP_FIXED = 16, MAP_ANONYMOUS = 32 };
enum { PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERP = 3, PT_PHDR = 6, PF_X = 1, PF_W = 2, PF_R = 4, ET_DYN = 3, DT_DEBUG = 21 };
enum { AT_PHDR = 3, AT_PHNUM = 5, AT_PAGESZ = 6, AT_BASE = 7, AT_ENTRY = 9, AT_SECURE = 23, AT_EXECFN = 31 };

struct header {
    u32 magic;
    u8 class, data, ident[10];
    /* The machine in the upper half. */
    u32 type;
    u32 version;
    word entry, phoff, shoff;
    u32 flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct segment {
    u32 type, flags;
    word offset, vaddr, paddr, filesz, memsz, align;
};

/* What is known of the process; in a register, so that no function has to be handed it. */
struct process {
    /* The stack as the kernel made it. */
    char **argv, **env;
    word *auxv, *end;
    /* The program's path, or what is known of it, and its bundle's. */
    const char *path, *root;
    /* The program's folder, where there is no /proc to tell. */
    const char *origin;
    /* Memory that is left of the last chunk. */
    char *free, *limit;
};
register struct process *p __asm__(PROCESS);

#include "bytes.h"

/* What follows a string. */
static const char *next(const char *text) { return text + length(text) + 1; }

/* Errors of system calls in words; each begins with its number. */
static const char reasons[] __attribute__((aligned(1))) = "\002no such file or folder\0"
                              "\010no loader for this machine, or cut off\0"
                              "\011the limit of open files is too low\0"
                              "\014no memory\0"
                              "\015permission denied\0"
                              "\044too long\0";

/* `PROGRAM: WHAT PATH: REASON`. The shell's status for what cannot be started. */
static __attribute__((noreturn, noinline)) void die(const char *what, const char *path, word error) {
    char number[] = "error 000";
    const char *reason = reasons;
    error = -error;
    while (*reason && (u8)*reason != error)
        reason = next(reason);
    if (!*reason++) {
        reason = number;
        for (char *digit = number + 8; error; error /= 10)
            *digit-- += error % 10;
    }
    const char *words[] = {p->path, ": ", what, path, ": ", reason, "\n"};
    for (const char **at = words; at < words + 7; at++)
        call3(SYS_write, 2, (word)*at, length(*at));
    for (;;)
        call1(SYS_exit_group, 127);
}

/* Memory that stays. */
static __attribute__((noinline)) void *take(word bytes) {
    bytes = (bytes + 7) & -8ul;
    if ((word)(p->limit - p->free) < bytes) {
        word chunk = bytes + CHUNK;
        word memory = call6(SYS_mmap, 0, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1ul, 0);
        if (is_error(memory))
            die("cannot start", "", memory);
        p->free = (char *)memory;
        p->limit = p->free + chunk;
    }
    char *taken = p->free;
    p->free += bytes;
    return taken;
}

/* A value of the auxiliary vector; what it does not have is 0, and may be written to all the same. */
static word *aux(word key) {
    word *at = p->auxv;
    while (*at && *at != key)
        at += 2;
    return at + 1;
}

/* Reads the stack: argc, argv, NULL, envp, NULL, auxv. */
static void read_stack(word *stack) {
    p->origin = p->free = p->limit = 0;
    p->argv = (char **)(stack + 1);
    p->env = p->argv + *stack + 1;
    char **env = p->env;
    while (*env++)
        ;
    p->auxv = (word *)env;
    p->end = aux(0) + 1;
    p->path = (char *)*aux(AT_EXECFN);
}

/* The bytes of a path up to its last name. */
static word folder_len(const char *path) {
    word at = length(path);
    while (at && path[at - 1] != '/')
        at--;
    return at;
}

/* Two strings joined, of the first so many bytes. */
static char *join(const char *one, word len, const char *other) {
    word rest = length(other) + 1;
    char *whole = take(len + rest);
    copy(copy(whole, one, len), other, rest);
    return whole;
}

static char *join_whole(const char *one, const char *other) { return join(one, length(one), other); }

static word read_link(const char *path, char *target) {
    return call4(SYS_readlinkat, AT_FDCWD, (word)path, (word)target, PATH_MAX);
}

/* Without /proc: the name that it was started by, links followed as the kernel has done, made absolute. Folders on the way may
 * still be links. */
static void find_by_name(void) {
    char *target = take(PATH_MAX + 1);
    for (word len, hops = HOPS; hops-- && !is_error(len = read_link(p->path, target));) {
        target[len] = 0;
        p->path = join(p->path, *target == '/' ? 0 : folder_len(p->path), target);
    }
    if (*p->path != '/') {
        word len = call3(SYS_getcwd, (word)target, PATH_MAX, 0);
        if (is_error(len))
            die("cannot find itself", "", len);
        target[len - 1] = '/';
        p->path = join(target, len, p->path);
    }
    p->origin = join(p->path, folder_len(p->path), "");
}

/* Finds the program's file, and the bundle's root above it, which gets no slash at its end. */
static void find_root(const char *given, int has_loader) {
    p->root = given;
    if (*given)
        return;
    char *path = take(PATH_MAX);
    /* That of a loader that was started itself is the loader; it has put the program's into AT_EXECFN. */
    word len = has_loader ? -1ul : read_link("/proc/self/exe", path);
    if (len < PATH_MAX && *path == '/') {
        path[len] = 0;
        p->path = path;
        /* The rest is free again, and untouched. */
        p->free = path + ((len + 8) & -8ul);
    } else if (len == PATH_MAX || len == -(word)ENAMETOOLONG)
        die("cannot find itself", "", -ENAMETOOLONG);
    else
        find_by_name();
    word at = folder_len(p->path);
    char *root = take(at + 3 * table.up);
    copy(root, p->path, at);
    for (word up = table.up; up; up--)
        if (p->origin)
            at = (char *)copy(root + at, "../", 3) - root;
        else {
            /* No part of it is a link. Above / there is nothing but /. */
            while (at > 1 && root[--at - 1] != '/')
                ;
        }
    root[at - 1] = 0;
    p->root = root;
}

static const char *below_root(const char *path) {
    return *path == '/' ? path : join_whole(join_whole(p->root, "/"), path);
}

/* The soft limit of open files, and the hard one. */
struct limit {
    word soft, hard;
};

static __attribute__((noinline)) void limit(const struct limit *set, struct limit *was) {
    call4(SYS_prlimit64, 0, RLIMIT_NOFILE, (word)set, (word)was);
}

/* A path through the anchor as one that holds without it, too; any other as it is. */
static __attribute__((noinline)) word real_path(const char *path, const char *folder) {
    static const char anchored[] __attribute__((aligned(1))) = ANCHORED;
    word len = sizeof anchored - 1;
    if (path && is_same(path, anchored, len))
        path = join_whole(folder, path + len - 1);
    return (word)path;
}

/* The descriptor that compiled-in paths lead through. For the moment the soft limit of open files is such that it is the last one
 * allowed, if the hard one lets it: what is open above a limit stays usable. Who was started by such a path hands out its own name, which is to be one that a
 * child without the descriptor can use. */
static void open_anchor(const char *folder) {
    folder = below_root(folder);
    word fd = call4(SYS_openat, AT_FDCWD, (word)folder, O_PATH | O_DIRECTORY, 0);
    if (!is_error(fd) && fd != table.anchor) {
        struct limit old, raised;
        limit(0, &old);
        raised.soft = table.anchor + 1;
        raised.hard = old.hard;
        limit(&raised, 0);
        word copied = call3(SYS_dup3, fd, table.anchor, 0);
        limit(&old, 0);
        call1(SYS_close, fd);
        fd = copied;
    }
    if (is_error(fd))
        die("cannot open ", folder, fd);
    *(word *)p->argv = real_path(*p->argv, folder);
    word *name = aux(AT_EXECFN);
    *name = real_path((char *)*name, folder);
}

#ifndef LAUNCHER
/* Maps one segment over the room that is kept for it. */
static word map_segment(const struct segment *s, word base, word fd, word page) {
    word into = s->vaddr & (page - 1), at = base + s->vaddr, end = at + s->filesz, memory = at + s->memsz;
    word protection = (s->flags & PF_R) >> 2 | (s->flags & PF_W) | (s->flags & PF_X) << 2;
    word whole = (end + page - 1) & -page;
    word mapped = call6(SYS_mmap, at - into, s->filesz + into, protection, MAP_PRIVATE | MAP_FIXED, fd, s->offset - into);
    if (is_error(mapped) || s->memsz == s->filesz)
        return mapped;
    /* Up to the page's end: the loader takes its first memory there. */
    if (s->flags & PF_W)
        while (end < whole)
            *(volatile char *)end++ = 0;
    if (memory > whole)
        mapped = call6(SYS_mmap, whole, memory - whole, protection, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, fd, 0);
    return mapped;
}

/* Maps the segments of a loader, in ascending order: the base address. */
static APART word map_segments(const struct segment *s, word count, word fd) {
    word page = *aux(AT_PAGESZ), high = 0, size = call3(SYS_lseek, fd, 0, SEEK_END);
    const struct segment *end = s + count;
    for (const struct segment *at = s; at < end; at++)
        if (at->type == PT_LOAD) {
            high = at->vaddr + at->memsz;
            /* Of no loader could so much be mapped. */
            if ((at->vaddr | at->memsz | at->offset) >> 40 || at->filesz > at->memsz || at->offset + at->filesz > size)
                return -ENOEXEC;
        }
    word base = call6(SYS_mmap, 0, high, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1ul, 0);
    for (; s < end && !is_error(base); s++)
        if (s->type == PT_LOAD) {
            word mapped = map_segment(s, base, fd, page);
            if (is_error(mapped))
                base = mapped;
        }
    return base;
}

/* Maps the loader: its base address, and in `entry` where it begins. */
static APART word map_loader(const char *path, word *entry) {
    struct header h[HEADERS / sizeof(struct header)];
    word base = -ENOEXEC;
    word fd = call4(SYS_openat, AT_FDCWD, (word)path, O_CLOEXEC, 0);
    if (is_error(fd))
        die("cannot open ", path, fd);
    word got = call3(SYS_read, fd, (word)h, sizeof h);
    /* All loaders have their program headers in front. */
    if (got == sizeof h && h->magic == 0x464c457f && h->class == 2 && h->type == (ET_DYN | MACHINE << 16) &&
        h->phoff == sizeof *h && h->phnum <= (HEADERS - sizeof *h) / sizeof(struct segment))
        base = map_segments((struct segment *)(h + 1), h->phnum, fd);
    if (is_error(base))
        die("cannot map ", path, base);
    call1(SYS_close, fd);
    *entry = base + h->entry;
    return base;
}

/* What nobody reads stays 0, as fresh memory is. */
static APART void describe(struct segment *s, u32 type, const void *at, word len) {
    s->type = type;
    s->flags = PF_R;
    s->vaddr = (word)at;
    s->filesz = s->memsz = len;
}

/* The program headers with a PT_PHDR and a PT_INTERP, which loaders take for granted, in memory of their own. */
static void add_headers(const char *loader, word bias) {
    word *address = aux(AT_PHDR), *count = aux(AT_PHNUM), rest = *count, taken = 2;
    const struct segment *old = (const struct segment *)*address;
    struct segment *all = take((rest + 2) * sizeof *all), *last = all + 1;
    for (; rest--; old++)
        if (old->type != PT_PHDR) {
            last = copy(last, old, sizeof *all);
            taken++;
        }
    describe(last++, PT_INTERP, loader - bias, length(loader) + 1);
    describe(all, PT_PHDR, (char *)all - bias, (char *)last - (char *)all);
    *address = (word)all;
    *count = taken;
}

/* Whether a loader has started the program already (`ld.so ./program`): it leaves its own traces in DT_DEBUG. */
static int is_loaded(word bias) {
    const struct segment *s = (const struct segment *)*aux(AT_PHDR);
    for (word count = *aux(AT_PHNUM); count--; s++)
        if (s->type == PT_DYNAMIC)
            for (const word *entry = (const word *)(bias + s->vaddr); entry[0]; entry += 2)
                if (entry[0] == DT_DEBUG && entry[1])
                    return 1;
    return 0;
}

#endif

/* A value with paths in their places. */
static const char *expand(const char *value) {
    const char *at = value;
    while ((u8)*at > STARTED)
        at++;
    if (!*at)
        return value;
    const char *path = *at == ROOT ? p->root : (char *)*aux(AT_EXECFN);
    return join_whole(join(value, at - value, path), expand(at + 1));
}

/* A text between two separators. */
static APART char *framed(const char *separator, const char *text) {
    return join_whole(join_whole(separator, text), separator);
}

/* Puts a value before or behind the old ones of a list, if there are any. One that is there already is not put there twice: it
 * comes to the front, or stays where it is. So do nixpkgs' wrappers. */
static const char *extended(char kind, const char *old, const char *value, const char *separator) {
    if (!*old)
        return value;
    char *all = framed(separator, old), *at = all;
    const char *item = framed(separator, value);
    word wide = length(separator), len = length(item);
    while (*at && !is_same(at, item, len))
        at++;
    if (kind == SUFFIX)
        return *at ? old : join_whole(all + wide, value);
    if (*at)
        copy(at, at + len - wide, length(at + len - wide) + 1);
    all[length(all) - wide] = 0;
    return join_whole(value, all);
}

/* Carries out one record on the environment. */
static void change(char **env, char kind, const char *name, const char *value, const char *separator) {
    name = join_whole(name, "=");
    word head = length(name);
    while (*env)
        if (!is_same(*env, name, head))
            env++;
        else if (kind != UNSET)
            break;
        else
            for (char **move = env; (*move = move[1]);)
                move++;
    if (kind == UNSET || (kind == DEFAULT && *env))
        return;
    const char *old = *env && kind != SET ? *env + head : "";
    if (!*env)
        env[1] = 0;
    *env = join_whole(name, extended(kind, old, expand(value), separator));
}

/* Carries out the records, on a copy of what is on the stack. */
static void carry_out(const char *records, struct jump *jump) {
    /* More words than records can add. */
    word room = (char *)p->end - (char *)p->argv + table.size * sizeof(word);
    char **block = take(room), **env = take(room), **argv = block + 2;
    block[1] = *p->argv;
    copy(env, p->env, (char *)p->auxv - (char *)p->env);
    while (*records) {
        char kind = *records++;
        const char *name = records, *value = next(name);
        records = value;
        if (kind >= DEFAULT) {
            const char *separator = next(value);
            records = next(separator);
            change(env, kind, name, value, separator);
            continue;
        }
        const char *text = expand(name);
        if (kind == ARGV0)
            block[1] = (char *)text;
        else if (kind == ARGUMENT)
            *argv++ = (char *)text;
        else if (kind == USERS)
            argv = copy(argv, p->argv + 1, (char *)(p->env - 2) - (char *)p->argv);
        else {
            word failed = call1(SYS_chdir, (word)text);
            if (failed)
                die("cannot go to ", text, failed);
        }
    }
    if (p->origin)
        change(env, SET, "LD_ORIGIN_PATH", p->origin, "");
    *(word *)block = argv - block - 1;
    *argv++ = 0;
    while ((*argv++ = *env++))
        ;
    argv = copy(argv, p->auxv, (char *)p->end - (char *)p->auxv);
    jump->block = (word *)block;
    jump->bytes = (char *)argv - (char *)block;
}

#ifdef LAUNCHER
/* A program of its own: the program that the table names in place of a loader takes its place, as one that a shell starts. */
__attribute__((used, noreturn)) void stub(word *stack) {
    struct process process;
    struct jump made;
    p = &process;
    read_stack(stack);
    const char *program = table.strings, *root = next(program), *anchor = next(root), *records = next(anchor);
    if (*aux(AT_SECURE) && *program != '/')
        die("setuid, setgid and capabilities are refused", "", -1);
    find_root(root, 0);
    if (table.anchor)
        open_anchor(anchor);
    if (!*p->argv)
        die("cannot start", " without a name", -EINVAL);
    program = below_root(program);
    /* It finds its own. */
    p->origin = 0;
    carry_out(*records ? records : "*\0", &made);
    word failed = call3(SYS_execve, (word)program, (word)(made.block + 1), (word)(made.block + *made.block + 2));
    die("cannot open ", program, failed);
}
#else
/* `by_loader` is what a loader leaves in a register for the program (its function for atexit), and the kernel leaves 0. */
__attribute__((used)) void stub(word *stack, word by_loader, struct jump *jump) {
    struct process process;
    p = &process;
    jump->bytes = 0;
    read_stack(stack);
    const char *loader = table.strings, *root = next(loader), *anchor = next(root), *records = next(anchor);
    word bias = (word)&table - table.self, entry = bias + table.entry;
    int has_loader = by_loader || is_loaded(bias);
    if (!has_loader && *aux(AT_SECURE) && *loader != '/')
        die("setuid, setgid and capabilities are refused", "", -1);
    if (!has_loader || table.anchor)
        find_root(root, has_loader);
    if (table.anchor)
        open_anchor(anchor);
    jump->entry = entry;
    if (has_loader)
        return;
    loader = below_root(loader);
    *aux(AT_BASE) = map_loader(loader, &jump->entry);
    *aux(AT_ENTRY) = entry;
    add_headers(loader, bias);
    if (*p->argv && (*records || p->origin))
        carry_out(*records ? records : "*\0", jump);
}
#endif
