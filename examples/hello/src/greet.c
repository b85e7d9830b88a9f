#include "greet.h"

#include <stdio.h>

void greet(const char *greeting, const char *whom)
{
	printf("%s, %s!\n", greeting, whom);
}
