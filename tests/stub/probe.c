/* Tells what it knows of itself, in lines; what else it does its first argument says. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static __thread int thread_local = 7;

static void link_line(const char *name, const char *path) {
    char target[5000];
    ssize_t len = readlink(path, target, sizeof target - 1);
    target[len > 0 ? len : 0] = 0;
    printf("%s=%s\n", name, target);
}

/* A place for breakpoints. */
__attribute__((noinline)) void marker(void) { __asm__ volatile("" ::: "memory"); }

/* Work for profilers. */
__attribute__((noinline)) unsigned long spin(unsigned long count) {
    volatile unsigned long sum = 0;
    while (count--)
        sum += count;
    return sum;
}

int main(int argc, char **argv) {
    char line[5000];
    const char *what = argc > 1 ? argv[1] : "";
    marker();
    for (int at = 0; at < argc; at++)
        printf("argv%d=%s\n", at, argv[at]);
    link_line("exe", "/proc/self/exe");
    printf("execfn=%s\n", (char *)getauxval(AT_EXECFN));
    printf("thread=%d\n", thread_local);
    FILE *comm = fopen("/proc/self/comm", "r");
    if (comm && fgets(line, sizeof line, comm))
        printf("comm=%s", line);
    printf("cwd=%s\n", getcwd(line, sizeof line));
    /* Both the heap and large pieces. */
    char *large = malloc(64 << 20);
#ifdef __GLIBC__
    int has_heap = sbrk(1 << 20) != (void *)-1;
#else
    int has_heap = 1;
#endif
    printf("memory=%s\n", has_heap && large ? "ok" : "none");
    memset(large, 1, 64 << 20);
    if (!strcmp(what, "env"))
        for (char **at = environ; *at; at++)
            printf("env=%s\n", *at);
    if (!strcmp(what, "fd"))
        link_line("fd", argv[2]);
    struct rlimit limit;
    if (!strcmp(what, "limit") && !getrlimit(RLIMIT_NOFILE, &limit))
        printf("limit=%lu\n", (unsigned long)limit.rlim_cur);
    if (!strcmp(what, "spin"))
        printf("spin=%lu\n", spin(200000000));
    fflush(stdout);
    char *again[] = {argv[0], (char *)"env", NULL};
    if (!strcmp(what, "exec"))
        execv("/proc/self/exe", again);
    if (!strcmp(what, "fexec"))
        fexecve(open("/proc/self/exe", O_RDONLY), again, environ);
    if (!strcmp(what, "vfork")) {
        pid_t child = vfork();
        if (!child) {
            execv("/proc/self/exe", again);
            _exit(1);
        }
        waitpid(child, NULL, 0);
    }
    if (!strcmp(what, "wait"))
        for (;;)
            pause();
    return 0;
}
