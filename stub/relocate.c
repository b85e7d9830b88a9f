/* Makes an installed bundle's references permanent: relocate [--undo] FOLDER
 *
 * In a tarball that runs from any folder, references lead through a descriptor that the stub opens (the anchor). Once it is known
 * where the bundle stays, they name that place, at the same length: what has no stub finds its files, too. `--undo`
 * makes them what they were; started anew in another place, it goes from the former place to the new one.
 *
 * FOLDER/anchored lists the files: its first line is the anchor, a tab, and the folder that it leads to, below FOLDER. FOLDER/relocated is
 * the record of all that references may begin with now, one a line; none: with the anchor. It is there before a file is changed
 * and says both while that goes on, so that a run which was cut off can be made good by the next one. Each file is
 * written beside its place and renamed. Links are not followed. Freestanding, static, for Linux 3.10 and later.
 *
 * Status: 0 done, or left anchored where the place's name is too long, in words; 1 it could not be done; 2 usage.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long word;

#define RELOCATE
enum { PATH_MAX = 4096, MOST = 16, AT_FDCWD = -100, SEEK_END = 2, ENOENT = 2 };
enum { O_RDONLY = 0, O_WRONLY = 1, O_CREAT = 0100, O_EXCL = 0200, O_CLOEXEC = 02000000 };
enum { PROT_READ = 1, PROT_WRITE = 2, MAP_PRIVATE = 2, S_IFMT = 0170000, S_IFREG = 0100000, UTIME_NOW = 0x3fffffff };

struct time {
    word seconds, nanoseconds;
};

#if defined __x86_64__
#include "x86_64.h"
enum {
    O_NOFOLLOW = 0400000,
    SYS_fstat = 5,
    SYS_fsync = 74,
    SYS_fchmod = 91,
    SYS_fchown = 93,
    SYS_unlinkat = 263,
    SYS_renameat = 264,
    SYS_utimensat = 280,
};
/* asm/stat.h */
struct stat {
    word dev, ino, nlink;
    u32 mode, uid, gid, pad;
    word rdev, size, blksize, blocks;
    struct time atime, mtime, ctime;
    word unused[3];
};
__asm__(".globl _start\n"
        "_start:\n"
        "    endbr64\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call relocate\n");
#elif defined __aarch64__
#include "aarch64.h"
enum {
    O_NOFOLLOW = 0100000,
    SYS_unlinkat = 35,
    SYS_renameat = 38,
    SYS_fchmod = 52,
    SYS_fchown = 55,
    SYS_fstat = 80,
    SYS_fsync = 82,
    SYS_utimensat = 88,
};
/* asm-generic/stat.h */
struct stat {
    word dev, ino;
    u32 mode, nlink, uid, gid;
    word rdev, pad, size;
    u32 blksize, pad2;
    word blocks;
    struct time atime, mtime, ctime;
    u32 unused[2];
};
__asm__(".globl _start\n"
        "_start:\n"
        "    mov x0, sp\n"
        "    bl relocate\n");
#endif

struct text {
    const char *at;
    word len;
};

/* What references may begin with, all of one length. */
struct places {
    struct text place[MOST];
    word count;
};

#include "bytes.h"

static __attribute__((noreturn)) void leave(word status) {
    for (;;)
        call1(SYS_exit_group, status);
}

static void say(const char *one, const char *two, const char *three) {
    const char *words[] = {"relocate: ", one, two, three, "\n"};
    for (const char **at = words; at < words + 5; at++)
        call3(SYS_write, 2, (word)*at, length(*at));
}

static __attribute__((noreturn)) void fail(const char *path, const char *what, word error) {
    char number[] = " (error 000)";
    error = -error;
    for (char *digit = number + 10; error; error /= 10)
        *digit-- += error % 10;
    say(path, what, number);
    leave(1);
}

/* A file's bytes, which may be changed in memory alone; NULL where it has none, or is not there. */
static char *contents(word fd, const char *path, word *len) {
    *len = call3(SYS_lseek, fd, 0, SEEK_END);
    if (is_error(*len))
        fail(path, ": cannot be read", *len);
    if (!*len)
        return 0;
    word at = call6(SYS_mmap, 0, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (is_error(at))
        fail(path, ": cannot be read", at);
    return (char *)at;
}

static word open_file(word folder, const char *name) {
    return call4(SYS_openat, folder, (word)name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
}

static char *read_file(const char *name, word *len) {
    word fd = open_file(AT_FDCWD, name);
    *len = 0;
    if (fd == -(word)ENOENT)
        return 0;
    if (is_error(fd))
        fail(name, ": cannot be opened", fd);
    char *bytes = contents(fd, name, len);
    call1(SYS_close, fd);
    return bytes;
}

/* The next line; without its newline, which must be there. */
static int next_line(struct text *rest, struct text *line) {
    word len = 0;
    while (len < rest->len && rest->at[len] != '\n')
        len++;
    if (len == rest->len)
        return 0;
    *line = (struct text){rest->at, len};
    rest->at += len + 1;
    rest->len -= len + 1;
    return 1;
}

static const char temporary[] = ".relocate.tmp";

/* Puts bytes at the place of `name` in a folder, with the mode, owner and times of `like`. */
static void replace(word folder, const char *name, const char *path, const char *bytes, word len, const struct stat *like) {
    call3(SYS_unlinkat, folder, (word)temporary, 0);
    word fd = call4(SYS_openat, folder, (word)temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (is_error(fd))
        fail(path, ": its folder cannot be written to", fd);
    word failed = 0;
    while (len && !failed) {
        word done = call3(SYS_write, fd, (word)bytes, len);
        if (is_error(done))
            failed = done;
        else
            bytes += done, len -= done;
    }
    struct time times[] = {like->atime, like->mtime};
    /* Who is not root owns what there is. */
    call3(SYS_fchown, fd, like->uid, like->gid);
    if (!failed)
        failed = call3(SYS_fchmod, fd, like->mode & 07777, 0);
    if (!failed)
        failed = call4(SYS_utimensat, fd, 0, (word)times, 0);
    if (!failed)
        failed = call1(SYS_fsync, fd);
    call1(SYS_close, fd);
    if (!failed)
        failed = call4(SYS_renameat, folder, (word)temporary, folder, (word)name);
    if (failed) {
        call3(SYS_unlinkat, folder, (word)temporary, 0);
        fail(path, ": cannot be written", failed);
    }
}

/* Opens the folder of a path below the current one, no part of which is a link: the last name, and the folder's descriptor. */
static const char *walk(char *path, word *folder) {
    char *name = path;
    *folder = call4(SYS_openat, AT_FDCWD, (word) ".", O_DIRECTORY | O_CLOEXEC, 0);
    for (char *at = path; *at && !is_error(*folder); at++)
        if (*at == '/') {
            *at = 0;
            int is_out = at == name || (name[0] == '.' && (at == name + 1 || (name[1] == '.' && at == name + 2)));
            word inner = is_out ? -(word)ENOENT
                                : call4(SYS_openat, *folder, (word)name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
            call1(SYS_close, *folder);
            *folder = inner;
            *at = '/';
            name = at + 1;
        }
    return name;
}

/* Makes every reference in the bytes begin with `to`: how many there were. */
static word rewrite(char *bytes, word len, const struct places *from, struct text to) {
    word count = 0;
    if (len <= to.len)
        return 0;
    for (char *at = bytes, *last = bytes + len - to.len; at < last; at++) {
        if (*at != '/' || at[to.len] != '/')
            continue;
        for (word i = 0; i < from->count; i++)
            if (is_same(at, from->place[i].at, to.len) && !is_same(at, to.at, to.len)) {
                copy(at, to.at, to.len);
                count++;
                break;
            }
    }
    return count;
}

static void rewrite_file(struct text path, const struct places *from, struct text to) {
    char name[PATH_MAX];
    if (path.len >= PATH_MAX)
        fail("anchored", ": a path is too long", 0);
    *(char *)copy(name, path.at, path.len) = 0;
    word folder, len;
    const char *last = walk(name, &folder);
    if (is_error(folder))
        return;
    struct stat stat;
    word fd = open_file(folder, last);
    /* What the user has removed, or made a link of, is not ours any more. */
    if (!is_error(fd) && !call3(SYS_fstat, fd, (word)&stat, 0) && (stat.mode & S_IFMT) == S_IFREG) {
        char *bytes = contents(fd, name, &len);
        if (bytes && rewrite(bytes, len, from, to))
            replace(folder, last, name, bytes, len, &stat);
    }
    call1(SYS_close, fd);
    call1(SYS_close, folder);
}

static void add(struct places *places, struct text place) {
    for (word i = 0; i < places->count; i++)
        if (is_same(places->place[i].at, place.at, place.len))
            return;
    if (places->count < MOST)
        places->place[places->count++] = place;
}

/* Writes the record: all the places but the anchor, or that it is none. */
static void record(const struct places *places, struct text anchor) {
    char text[MOST * 64], *end = text;
    for (word i = 0; i < places->count; i++)
        if (!is_same(places->place[i].at, anchor.at, anchor.len)) {
            end = copy(end, places->place[i].at, anchor.len);
            *end++ = '\n';
        }
    struct stat like;
    like.mode = 0644;
    like.uid = like.gid = -1;
    like.atime = like.mtime = (struct time){0, UTIME_NOW};
    if (end == text)
        call3(SYS_unlinkat, AT_FDCWD, (word) "relocated", 0);
    else
        replace(AT_FDCWD, "relocated", "relocated", text, end - text, &like);
}

/* Where the anchor's folder is, filled up with slashes to the anchor's length; the anchor itself where that cannot be. */
static struct text place_of(struct text anchor, struct text folder, char *path) {
    word len = call3(SYS_getcwd, (word)path, PATH_MAX, 0);
    if (is_error(len) || *path != '/' || len + folder.len + 1 >= PATH_MAX)
        fail(".", ": its path cannot be found out", len);
    char *end = path + (len == 2 ? 0 : len - 1);
    *end++ = '/';
    end = copy(end, folder.at, folder.len);
    *end = 0;
    /* In scripts and settings, too, a path is one word. */
    for (char *at = path; at < end; at++)
        if (!((*at >= '0' && *at <= '9') || (*at >= '@' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '+' && *at <= '/') ||
              *at == '_')) {
            say(path, ": files go on naming each other by ", "the anchor: it has other characters than letters, digits and +,-._@");
            return anchor;
        }
    if ((word)(end - path) > anchor.len) {
        say(path, ": files go on naming each other by the anchor", ", of which it is longer");
        return anchor;
    }
    while ((word)(end - path) < anchor.len)
        *end++ = '/';
    return (struct text){path, anchor.len};
}

__attribute__((used, noreturn)) void relocate(word *stack) {
    word count = *stack;
    char **arguments = (char **)(stack + 1), path[2 * PATH_MAX];
    int undo = count == 3 && is_same(arguments[1], "--undo", 7);
    if (count != 2 + (word)undo || arguments[count - 1][0] == '-') {
        say("usage: relocate [--undo] FOLDER", "", "");
        leave(2);
    }
    word failed = call1(SYS_chdir, (word)arguments[count - 1]);
    if (failed)
        fail(arguments[count - 1], ": cannot be opened", failed);
    struct text list, line, anchor, folder, old;
    list.at = read_file("anchored", &list.len);
    if (!list.at || !next_line(&list, &line))
        fail("anchored", ": is not there, or empty", 0);
    anchor = line;
    for (anchor.len = 0; anchor.len < line.len && line.at[anchor.len] != '\t'; anchor.len++)
        ;
    folder = (struct text){line.at + anchor.len + 1, line.len - anchor.len - 1};
    if (anchor.len < 2 || anchor.len >= 60 || anchor.len >= line.len || *anchor.at != '/')
        fail("anchored", ": its first line is not an anchor and a folder", 0);
    struct text to = undo ? anchor : place_of(anchor, folder, path);
    struct places from, now;
    from.count = now.count = 0;
    add(&from, anchor);
    old.at = read_file("relocated", &old.len);
    while (old.at && next_line(&old, &line))
        if (line.len == anchor.len)
            add(&from, line);
    add(&from, to);
    record(&from, anchor);
    while (next_line(&list, &line))
        rewrite_file(line, &from, to);
    add(&now, to);
    record(&now, anchor);
    leave(0);
}
