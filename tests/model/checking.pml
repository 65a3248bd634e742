/* How a property is named, and how it is shown that a model is not true of nothing.
 *
 * run_models.py verifies with -DCHECKED; then the verifier says which property was violated, and,
 * once for each, which events the search has met. Without it a model is plain Promela, so that
 * `spin -t -p` can replay the trail of a broken variant. */

/* The events that a search must meet are numbered where a model names them. */
#ifdef CHECKED
c_decl { \#include <stdio.h>
  static unsigned char met_before[64]; }
#define violated(name) c_code { printf("violated: " #name "\n"); }
#define met(name, number) c_code { \
    if (!met_before[number]) { met_before[number] = 1; printf("met: " #name "\n"); } }
#else
#define violated(name) printf("violated: " #name "\n")
#define met(name, number) skip
#endif

#define property(name, condition) \
  if :: (condition) :: else -> violated(name); assert(false) fi
#define met_if(condition, name, number) \
  if :: (condition) -> met(name, number) :: else fi
