/* Prints the table as the models evaluate it: `spin print_table.pml`. Nothing is verified here. */
#include "lifecycle_table.pml"

init {
  byte from, to;
  mtype:state from_state, to_state;
  for (from : 1 .. 12) {
    from_state = from;
    printf("state %d %e setup %d operational %d final %d\n", from, from_state,
           is_setup(from_state), is_operational(from_state), is_final(from_state));
    for (to : 1 .. 12) {
      to_state = to;
      if
      :: may_follow(from_state, to_state) -> printf("step %e %e\n", from_state, to_state)
      :: else
      fi
    }
  }
}
