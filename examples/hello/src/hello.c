/* hello [LANGUAGE]: greets the world; in another language by its message catalogue, which lies in the store. */
#include <limits.h>
#include <nl_types.h>
#include <stdio.h>

#include "greet.h"

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	nl_catd catalogue;

	if (argc < 2) {
		greet("Hello", "world");
		return 0;
	}
	snprintf(path, sizeof path, "%s/%s.cat", CATALOGUES, argv[1]);
	catalogue = catopen(path, 0);
	if (catalogue == (nl_catd)-1) {
		fprintf(stderr, "hello: cannot open the catalogue %s\n", path);
		return 1;
	}
	greet(catgets(catalogue, 1, 1, "Hello"), catgets(catalogue, 1, 2, "world"));
	return 0;
}
