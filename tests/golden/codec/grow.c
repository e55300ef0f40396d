#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) void *keep(size_t n) { void *p = malloc(n); memset(p, 1, n); return p; }
int main(void) { for (int i = 0; i < 2000; i++) keep(10000); for (int i = 0; i < 1000; i++) free(keep(10000)); return 0; }
