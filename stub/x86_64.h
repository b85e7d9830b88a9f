/* Linux on x86_64: how the stub begins, and its system calls (asm/unistd_64.h). */

#define PROCESS "r15"

/* Such functions make the code smaller when they are called. */
#define APART __attribute__((noinline))

enum {
    MACHINE = 62,
    O_DIRECTORY = 0200000,
    SYS_close = 3,
    SYS_lseek = 8,
    SYS_mmap = 9,
    SYS_read = 0,
    SYS_write = 1,
    SYS_getcwd = 79,
    SYS_chdir = 80,
    SYS_execve = 59,
    SYS_exit_group = 231,
    SYS_openat = 257,
    SYS_readlinkat = 267,
    SYS_dup3 = 292,
    SYS_prlimit64 = 302,
};

#ifndef RELOCATE
/* The kernel enters with rdx = 0, a loader with its function for atexit there, which the program is to get. A new block of words
 * goes below the old ones. */
__asm__(".section .start,\"ax\"\n"
        ".globl _start\n"
        "_start:\n"
        "    endbr64\n"
        "    mov %rsp, %rbx\n"
        "    mov %rdx, %r12\n"
        "    mov %rsp, %rdi\n"
        "    mov %rdx, %rsi\n"
        "    sub $32, %rsp\n"
        "    and $-16, %rsp\n"
        "    mov %rsp, %rdx\n"
        "    call stub\n"
        "    mov (%rsp), %rax\n"
        "    mov 8(%rsp), %rsi\n"
        "    mov 16(%rsp), %rcx\n"
        "    mov %rbx, %rsp\n"
        "    jrcxz 1f\n"
        "    sub %rcx, %rbx\n"
        "    and $-16, %rbx\n"
        "    mov %rbx, %rsp\n"
        "    mov %rbx, %rdi\n"
        "    rep movsb\n"
        "1:  mov %r12, %rdx\n"
        "    jmp *%rax\n"
        ".text\n");
#endif

/* Registers of arguments that a call does not take stay what they are. */
static inline word call3(word number, word a, word b, word c) {
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return number;
}

static inline word call4(word number, word a, word b, word c, word d) {
    register word r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return number;
}

static inline word call1(word number, word a) {
    __asm__ volatile("syscall" : "+a"(number) : "D"(a) : "rcx", "r11", "memory");
    return number;
}

static word call6(word number, word a, word b, word c, word d, word e, word f) {
    register word r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return number;
}
