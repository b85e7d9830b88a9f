/* Says what of itself and of its libraries still works. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include "symbols.h"

#define X(n) int sym_##n(void);
ALL
#undef X
static int (*table[])(void) = {
#define X(n) sym_##n,
    ALL
#undef X
};

extern __thread int dep_tls;
static __thread int own_tls = 6;
int dep_constructed(void), dep_bss(void), dep_sum(void), has_spare(void), caught(int);
static int constructed;
#ifdef BSS
static volatile char big[64 << 20];
#else
static volatile char big[64];
#endif

__attribute__((constructor)) static void construct(void) { constructed = 1; }

/* The kernel's idea of the program headers (AT_PHDR) and ld.so's, which the unwinder relies on. */
static int headers(struct dl_phdr_info *info, size_t size, void *result) {
    (void)size;
    const ElfW(Phdr) *table = (const void *)getauxval(AT_PHDR);
    if (info->dlpi_phdr != table) return *(const char **)result = "differ", 1;
    if (info->dlpi_phnum != getauxval(AT_PHNUM)) return *(const char **)result = "number", 1;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (table[i].p_type == PT_PHDR && (const void *)(info->dlpi_addr + table[i].p_vaddr) != table)
            return *(const char **)result = "PT_PHDR", 1;
    return *(const char **)result = "right", 1;
}

int main(void) {
    const char *phdr = "absent";
    int sum = 0, (*found)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "sym_2345");
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) sum += table[i]();
    dl_iterate_phdr(headers, &phdr);
    printf("constructors %d\n", constructed + dep_constructed());
    printf("symbols %d %d\n", sum, dep_sum());
    printf("dlsym %d\n", found ? found() : 0);
    printf("bss %d\n", big[0] + big[sizeof big - 1] + dep_bss());
    printf("headers %s\n", phdr);
    printf("spare %d\n", has_spare());
    printf("caught %d\n", caught(7));
    return dep_tls + own_tls;
}
