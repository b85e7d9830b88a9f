/* Apart from the rest, since its address has to be read at run time. */
int spare(void) __attribute__((weak));
int has_spare(void) { return spare ? spare() : 0; }
