#ifndef GREET_H
#define GREET_H

/* Prints "GREETING, WHOM!" and a newline. */
void greet(const char *greeting, const char *whom);

#endif
