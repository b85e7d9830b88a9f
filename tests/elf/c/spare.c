/* libspare.so.1: the program does without it. */
int spare(void) { return 1; }
