/* Linux on aarch64: how the stub begins, and its system calls (asm-generic/unistd.h). */

#define PROCESS "x28"

/* Such functions make the code smaller when they are put where they are called. */
#define APART inline __attribute__((always_inline))

enum {
    MACHINE = 183,
    O_DIRECTORY = 040000,
    SYS_getcwd = 17,
    SYS_dup3 = 24,
    SYS_prlimit64 = 261,
    SYS_chdir = 49,
    SYS_openat = 56,
    SYS_close = 57,
    SYS_lseek = 62,
    SYS_write = 64,
    SYS_read = 63,
    SYS_readlinkat = 78,
    SYS_execve = 221,
    SYS_exit_group = 94,
    SYS_mmap = 222,
};

#ifndef RELOCATE
/* The kernel enters with x0 = 0, a loader with its function for atexit there, which the program is to get. A new block of words
 * goes below the old ones. The first instruction is `bti jc`: without PT_INTERP it is for the program's own pages that the
 * kernel heeds the mark for branch target identification. */
__asm__(".section .start,\"ax\"\n"
        ".globl _start\n"
        "_start:\n"
        "    hint #38\n"
        "    mov x19, x0\n"
        "    mov x20, sp\n"
        "    mov x1, x0\n"
        "    mov x0, sp\n"
        "    sub sp, sp, #32\n"
        "    mov x2, sp\n"
        "    bl stub\n"
        "    ldp x16, x1, [sp]\n"
        "    ldr x2, [sp, #16]\n"
        "    sub x3, x20, x2\n"
        "    and x3, x3, #-16\n"
        "    mov sp, x3\n"
        "1:  cbz x2, 2f\n"
        "    ldr x4, [x1], #8\n"
        "    str x4, [x3], #8\n"
        "    sub x2, x2, #8\n"
        "    b 1b\n"
        "2:  mov x0, x19\n"
        "    br x16\n"
        ".text\n");
#endif

/* Registers of arguments that a call does not take stay what they are. */
static inline word call3(word number, word a, word b, word c) {
    register word x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}

static inline word call4(word number, word a, word b, word c, word d) {
    register word x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}

static inline word call1(word number, word a) {
    register word x8 __asm__("x8") = number, x0 __asm__("x0") = a;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8) : "memory");
    return x0;
}

static word call6(word number, word a, word b, word c, word d, word e, word f) {
    register word x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
