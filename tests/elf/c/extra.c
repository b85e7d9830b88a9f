/* libextra.so: not needed until it is added. */
#include <stdio.h>
__attribute__((constructor)) static void construct(void) { puts("extra"); }
