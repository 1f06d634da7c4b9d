/* What both models share: the budgets of faults, the names of steps, the tally of what was met.
 *
 * Time is a sequence of steps. A step is one thing that another process, a kill or a power cut can
 * come before or after: a store to the control page, a write, an fdatasync, a rename, a COMMIT, the
 * taking of a lock. A process that is killed does not do its next step, and the kernel frees its
 * locks; a power cut stops all, and keeps of what was not synced any part it likes (chosen at the
 * cut, which equals writing it back at any moment before).
 *
 * The tally lies beside the state and makes none: it counts, over the whole search, before which
 * steps a kill and a cut came and which happenings were met. run_models fails where one stayed 0:
 * a model that cannot come to grief proves nothing. */
#ifndef KILLS
#define KILLS 1
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef FAILS
#define FAILS 0 /* a write, fdatasync, fsync or syncfs that fails, once each */
#endif
#ifndef NP
#define NP 2 /* processes, both of them 0 or 1 in pc[] and other arrays */
#endif

c_code {
  static unsigned long tally_kill[64], tally_cut[64], tally_met[64];
  static void __attribute__((destructor)) print_tally(void) {
    for (int i = 0; i < 64; ++i) {
      if (tally_kill[i]) printf("tally kill %d %lu\n", i, tally_kill[i]);
      if (tally_cut[i]) printf("tally cut %d %lu\n", i, tally_cut[i]);
      if (tally_met[i]) printf("tally met %d %lu\n", i, tally_met[i]);
    }
  }
}

#define MET(what) c_code { tally_met[what]++; }
#define TALLY_KILL c_code { tally_kill[now.pc[now.victim]]++; }
#define TALLY_CUT c_code { tally_cut[now.pc[0]]++; tally_cut[now.pc[1]]++; }
/* Lines printed with "@" are the named steps that run_models shows of a counterexample. */
