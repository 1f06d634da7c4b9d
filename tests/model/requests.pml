/* Requests between processes: four record at once, and are killed.
 *
 * Modelled is what the code does. A step stands for the named place in journal/ or engine/:
 *   TRY, LEAD, TAKE, ANSWER, LEAVE   company.cc: write, lead, take_requests, answer, Leading
 *   SETTLE                           company.cc: settle; request_page.cc: settle_one, whole: it holds
 *                                    the append lock
 *   POST, SLEEP, COLLECT             company.cc: ask, collect
 *   LOCK                             journal_append.cc: begin_append with what mend does
 *   BEGIN                            write_queue.cc: append, the request's turn to kWriting
 *   WORD, PLACE, PENDING, WRITE, END, CLEAR   journal_append.cc: append, store by store
 *   WRITTEN                          company.cc: note_written
 *
 * Processes 0 to NA - 1 ask each other; the last one asks nobody, as one with a larger group does.
 *
 * What is checked: a record is in the log once at most; one that was acknowledged is there, at the
 * place that was told; one that was told not to be written is not there; no deadlock.
 *
 * Abstracted: a flush succeeds, and what is in the log is durable (log.pml); a frame is whole or is
 * not there, and of a group that its process did not live to write a beginning may be whole, with or
 * without a torn rest; a process that is killed does not come back; each has a slot of its own, so
 * that turns and checks of slots are left out (request_page_test.cc); who is called and who looks
 * by itself is one: who waits may try the lock at any time.
 *
 * Bounds: one record a process, KILLS (common.pml). */
#define NP 4
#include "common.pml"
#define NA 3 /* those that ask */
#define NL 8 /* places in the log, of all epochs */

/* ---- the log ---- */
byte log_of[NL];            /* whose record stands there, 1 + process; 0 none */
byte end, epoch = 1, word;  /* the end, its epoch, appends begun */
byte epoch_end[4];          /* where an epoch was left; frames of it beyond are void */
bit pending, torn;
byte landed[NA], landed_n;   /* what the append under way has written behind the end */

/* ---- the request page: a slot for each that asks ---- */
#define FREE 0
#define POSTED 1
#define TAKEN 2
#define ANSWERED 3
#define WRITING 4
byte slot[NA];
byte progress[NA]; /* 0, 1 placed, 2 written */
byte at_end[NA], at_epoch[NA], at_word[NA];
#define AGAIN 1
#define PLACED 2
#define UNSURE 3
#define UNKNOWN 4
byte what[NA];

/* ---- processes ---- */
byte pc[NP], lead, alock; /* locks: 0 free, else 1 + owner */
byte taken_by[NA];        /* 1 + the leader that has taken the request, 0 none */
byte my_end[NP], my_epoch[NP];
#define TOLD_THERE 1
#define TOLD_NOT_WRITTEN 2
#define TOLD_UNKNOWN 3
byte told[NP];
byte kills = KILLS, victim;
hidden byte i, n, g;

#define TRY 1
#define SETTLE 2
#define TAKE 3
#define LOCK 4
#define BEGIN 5
#define WORD 6
#define PLACE 7
#define PENDING 8
#define WRITE 9
#define END 10
#define CLEAR 11
#define WRITTEN 12
#define UNLOCK 13
#define ANSWER 14
#define LEAVE 15
#define POST 16
#define SLEEP 17
#define SETTLE_AND_LEAD 18
#define COLLECT 19
#define DONE 20
#define DEAD 21

#define MET_GIVEN_BACK 1
#define MET_UNSURE_ADOPTED 2
#define MET_UNSURE_WRITTEN 3
#define MET_UNKNOWN 4
#define MET_TORN 5
#define MET_GUEST 6
#define MET_WITHDRAWN 7
#define MET_LATE 8
#define MET_NOT_PLACED 9
#define MET_CUT 10
#define MET_NOT_BEGUN 11
#define MET_ALONE 12
#define MET_TAKEN_OVER 13

#define asks(P) ((P) < NA)
#define is_guest(P, L) (taken_by[P] == (L) + 1)
#define is_led(P) (slot[P] == TAKEN || slot[P] == WRITING)

/* Journal::Impl::mend: whole frames of a dead append are kept, a torn rest is cut. */
inline mend() {
  if
  :: pending ->
    i = 0;
    do
    :: i < landed_n -> log_of[end] = landed[i]; end++; i++
    :: else -> break
    od;
    landed_n = 0;
    pending = 0;
    if
    :: torn -> epoch_end[epoch] = end; epoch++; torn = 0; MET(MET_TORN)
    :: else
    fi
  :: else
  fi
}

/* A group is its leader's own record, then those of the others. */
inline land_all(L) {
  landed[0] = L + 1;
  landed_n = 1;
  g = 0;
  do
  :: g < NA && asks(L) && is_guest(g, L) -> landed[landed_n] = g + 1; landed_n++; g++
  :: g < NA && !(asks(L) && is_guest(g, L)) -> g++
  :: g == NA -> break
  od
}

inline place_guests() {
  n = my_end[me] + 1;
  g = 0;
  do
  :: g < NA && asks(me) && is_guest(g, me) ->
    n++;
    at_end[g] = n; at_epoch[g] = my_epoch[me]; at_word[g] = word; progress[g] = 1;
    g++
  :: g < NA && !(asks(me) && is_guest(g, me)) -> g++
  :: g == NA -> break
  od
}

/* RequestPage::settle_one */
inline settle(S) {
  if
  :: slot[S] == TAKEN || slot[S] == WRITING ->
    taken_by[S] = 0;
    if
    :: progress[S] == 0 -> slot[S] = POSTED; MET(MET_NOT_PLACED)
    :: progress[S] == 2 -> slot[S] = ANSWERED; what[S] = UNSURE; MET(MET_UNSURE_WRITTEN)
    :: progress[S] == 1 ->
      if
#ifndef SETTLE_BY_THE_END_ALONE
      :: word != at_word[S] -> slot[S] = ANSWERED; what[S] = UNKNOWN; MET(MET_UNKNOWN)
      :: word == at_word[S] && epoch == at_epoch[S] && end < at_end[S] ->
        slot[S] = POSTED; MET(MET_GIVEN_BACK)
      :: word == at_word[S] && !(epoch == at_epoch[S] && end < at_end[S]) ->
        slot[S] = ANSWERED; what[S] = UNSURE; MET(MET_UNSURE_ADOPTED)
#else
      :: epoch == at_epoch[S] && end < at_end[S] -> slot[S] = POSTED
      :: !(epoch == at_epoch[S] && end < at_end[S]) -> slot[S] = ANSWERED; what[S] = UNSURE
#endif
      fi
    fi
  :: else
  fi
}

inline settle_all() {
  if
  :: is_led(0) || is_led(1) || is_led(2) ->
    mend();
    settle(0);
    settle(1);
    settle(2);
    printf("@ P%d settles what a dead leader left\n", me)
  :: else
  fi
}

#ifdef NOT_SETTLED
#define RETAKEN(P) is_led(P)
#else
#define RETAKEN(P) false
#endif

proctype Process(byte me) {
  do
  :: pc[me] == DONE || pc[me] == DEAD -> break

  :: d_step { pc[me] == TRY ->
      if
      :: !asks(me) -> pc[me] = LOCK
      :: asks(me) && lead == 0 -> lead = me + 1; pc[me] = SETTLE; printf("@ P%d leads\n", me)
      :: asks(me) && lead != 0 -> pc[me] = POST
      fi
    }
  :: d_step { pc[me] == SETTLE && alock == 0 ->
#ifndef NOT_SETTLED
      settle_all();
#endif
      pc[me] = TAKE
    }
  :: d_step { pc[me] == TAKE ->
      g = 0;
      do
      :: g < NA && g != me && (slot[g] == POSTED || RETAKEN(g)) ->
        progress[g] = 0; slot[g] = TAKEN; taken_by[g] = me + 1;
        MET(MET_GUEST);
        printf("@ P%d takes P%d's request\n", me, g);
        g++
      :: g < NA && !(g != me && (slot[g] == POSTED || RETAKEN(g))) -> g++
      :: g == NA -> break
      od;
      pc[me] = LOCK
    }

  /* -------- journal_append.cc -------- */
  :: d_step { pc[me] == LOCK && alock == 0 ->
      alock = me + 1; mend(); pc[me] = BEGIN
    }
  :: d_step { pc[me] == BEGIN -> /* WriteQueue::append: who asked may have withdrawn it */
      g = 0;
      do
      :: g < NA && asks(me) && is_guest(g, me) ->
        if
        :: slot[g] == TAKEN -> slot[g] = WRITING
        :: slot[g] != TAKEN ->
#ifndef BEGUN_WITHOUT_A_LOOK
          taken_by[g] = 0;
#endif
          MET(MET_NOT_BEGUN)
        fi;
        g++
      :: g < NA && !(asks(me) && is_guest(g, me)) -> g++
      :: g == NA -> break
      od;
      pc[me] = WORD
    }
  :: d_step { pc[me] == WORD ->
#ifndef COUNTED_WHEN_COMPLETE
      word++;
#endif
      pc[me] = PLACE
    }
  :: d_step { pc[me] == PLACE ->
      my_end[me] = end; my_epoch[me] = epoch;
#ifndef PLACED_AFTER_THE_WRITE
      place_guests();
#endif
      pc[me] = PENDING
    }
  :: d_step { pc[me] == PENDING -> pending = 1; pc[me] = WRITE }
  :: d_step { pc[me] == WRITE ->
      land_all(me);
      pc[me] = END
    }
  :: d_step { pc[me] == END ->
      i = 0;
      do
      :: i < landed_n -> log_of[end] = landed[i]; end++; i++
      :: else -> break
      od;
      landed_n = 0; /* a later mend finds nothing behind the end */
#ifdef COUNTED_WHEN_COMPLETE
      word++;
#endif
      pc[me] = CLEAR
    }
  :: d_step { pc[me] == CLEAR -> pending = 0; pc[me] = WRITTEN }
  :: d_step { pc[me] == WRITTEN ->
#ifdef PLACED_AFTER_THE_WRITE
      place_guests();
#endif
      g = 0;
      do
      :: g < NA && asks(me) && is_guest(g, me) -> progress[g] = 2; g++
      :: g < NA && !(asks(me) && is_guest(g, me)) -> g++
      :: g == NA -> break
      od;
      pc[me] = UNLOCK
    }
  :: d_step { pc[me] == UNLOCK -> alock = 0; pc[me] = ANSWER }
  :: d_step { pc[me] == ANSWER ->
      g = 0;
      do
      :: g < NA && asks(me) && is_guest(g, me) ->
        if
        :: slot[g] == WRITING -> slot[g] = ANSWERED; what[g] = PLACED
        :: else
        fi;
        taken_by[g] = 0;
        g++
      :: g < NA && !(asks(me) && is_guest(g, me)) -> g++
      :: g == NA -> break
      od;
      pc[me] = LEAVE
    }
  :: d_step { pc[me] == LEAVE ->
      if
      :: lead == me + 1 -> lead = 0
      :: else
      fi;
      told[me] = TOLD_THERE;
      printf("@ P%d is told: there\n", me);
      pc[me] = DONE
    }

  /* -------- asking -------- */
  :: d_step { pc[me] == POST ->
      slot[me] = POSTED; progress[me] = 0; printf("@ P%d posts\n", me); pc[me] = SLEEP
    }
  :: d_step { pc[me] == SLEEP && slot[me] == ANSWERED -> pc[me] = COLLECT }
  :: d_step { pc[me] == SLEEP && slot[me] != ANSWERED && lead == 0 ->
      lead = me + 1; pc[me] = SETTLE_AND_LEAD
    }
#ifdef WITHDRAWN_WHEN_WRITTEN
  :: d_step { pc[me] == SLEEP && (slot[me] == POSTED || is_led(me)) ->
#else
  :: d_step { pc[me] == SLEEP && (slot[me] == POSTED || slot[me] == TAKEN) ->
#endif
      slot[me] = FREE; told[me] = TOLD_NOT_WRITTEN; MET(MET_WITHDRAWN);
      printf("@ P%d withdraws its request\n", me);
      pc[me] = DONE
    }
  :: d_step { pc[me] == SLEEP && (slot[me] == POSTED || slot[me] == TAKEN) ->
      /* the leader does not get on: it may be stopped */
      slot[me] = FREE; MET(MET_ALONE);
      printf("@ P%d takes its request back and writes alone\n", me);
      pc[me] = LOCK
    }
  :: d_step { pc[me] == SLEEP && slot[me] == WRITING && progress[me] == 2 ->
      slot[me] = FREE; what[me] = UNSURE; MET(MET_TAKEN_OVER);
      printf("@ P%d takes over what is written\n", me);
      pc[me] = COLLECT
    }
  :: d_step { pc[me] == SLEEP && slot[me] == WRITING -> /* its time is over */
      told[me] = TOLD_UNKNOWN; MET(MET_LATE); pc[me] = DONE
    }
  :: d_step { pc[me] == SETTLE_AND_LEAD && alock == 0 ->
      settle_all();
      if
      :: slot[me] == POSTED -> slot[me] = FREE; pc[me] = TAKE
      :: else -> lead = 0; pc[me] = SLEEP
      fi
    }
  :: d_step { pc[me] == COLLECT ->
      slot[me] = FREE;
      if
      :: what[me] == PLACED -> told[me] = TOLD_THERE
      :: what[me] == UNSURE -> /* Journal::flush: covered, find_carried */
        if
        :: epoch == at_epoch[me] && end >= at_end[me] -> told[me] = TOLD_THERE
        :: epoch > at_epoch[me] && epoch_end[at_epoch[me]] >= at_end[me] -> told[me] = TOLD_THERE
        :: else -> told[me] = TOLD_UNKNOWN; MET(MET_CUT)
        fi
      :: what[me] == UNKNOWN -> told[me] = TOLD_UNKNOWN
      fi;
      pc[me] = DONE
    }
  od;
}

inline kill(P) {
  victim = P;
  TALLY_KILL;
  printf("@ -- P%d is killed before step %d\n", P, pc[P]);
  kills--;
  if /* in the write: a beginning of the group is whole, and perhaps there is a part of the rest */
  :: pc[P] == WRITE ->
    land_all(P);
    do
    :: landed_n > 0 -> landed_n--
    :: break
    od;
    if
    :: torn = 1
    :: skip
    fi
  :: else
  fi;
  pc[P] = DEAD;
  if
  :: alock == P + 1 -> alock = 0
  :: else
  fi;
  if
  :: lead == P + 1 -> lead = 0
  :: else
  fi
}

proctype World() {
  do
  :: atomic { kills > 0 && pc[0] != DONE && pc[0] != DEAD -> kill(0) }
  :: atomic { kills > 0 && pc[1] != DONE && pc[1] != DEAD -> kill(1) }
  :: atomic { kills > 0 && pc[2] != DONE && pc[2] != DEAD -> kill(2) }
  :: atomic { kills > 0 && pc[3] != DONE && pc[3] != DEAD -> kill(3) }
  :: d_step { pc[0] >= DONE && pc[1] >= DONE && pc[2] >= DONE && pc[3] >= DONE ->
      /* the next to append mends what the last one left */
      mend();
      i = 0;
      do
      :: i < NP ->
        n = 0;
        g = 0;
        do
        :: g < end ->
          if
          :: log_of[g] == i + 1 ->
            n++
          :: else
          fi;
          g++
        :: else -> break
        od;
        assert(n <= 1);                                 /* once at most */
        assert(told[i] != TOLD_THERE || n == 1);        /* acknowledged: there */
        assert(told[i] != TOLD_NOT_WRITTEN || n == 0);  /* told not to be written: not there */
        i++
      :: else -> break
      od
    } -> break
  od
}

init {
  atomic {
    pc[0] = TRY; pc[1] = TRY; pc[2] = TRY; pc[3] = TRY;
    run Process(0); run Process(1); run Process(2); run Process(3); run World()
  }
}
