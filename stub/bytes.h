/* What a libc would have: there is none. */

static word length(const char *text) {
    word len = 0;
    while (text[len])
        len++;
    return len;
}

/* Returns what follows the copy. */
static void *copy(void *to, const void *from, word len) {
    char *at = to;
    for (const char *byte = from; len; len--)
        *at++ = *byte++;
    return at;
}

static int is_error(word result) { return result > -4096ul; }

static int is_same(const char *one, const char *other, word len) {
    while (len && *one == *other)
        one++, other++, len--;
    return !len;
}
