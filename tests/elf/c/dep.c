/* libdep.so.1: what a library can have that an edit could break. */
#include <unistd.h>
#include "symbols.h"

#define X(n) int sym_##n(void) { return n; }
ALL
#undef X

/* Addresses of its own, which ld.so relocates. */
static int (*const table[])(void) = {
#define X(n) sym_##n,
    ALL
#undef X
};

__thread int dep_tls = 40;
static __thread char zeros[1000];
static int constructed;
#ifdef BSS
static volatile char big[64 << 20];
#else
static volatile char big[64];
#endif

__attribute__((constructor)) static void construct(void) { constructed = getpid() > 0; }

int dep_constructed(void) { return constructed; }
int dep_bss(void) { return big[0] + big[sizeof big - 1] + zeros[999]; }

int dep_sum(void) {
    int sum = 0;
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) sum += table[i]();
    return sum;
}
