/* The log: append, flush, renewal and recovery by two processes, killed and cut off from power.
 *
 * Modelled is what the code does. A step stands for the named place in journal/ (or engine/):
 *   OPEN, R_*    journal_open.cc: open, join, recover_alone (with recovery.cc's table in scan_tail)
 *   IDLE (look)  write_queue.cc: prepare: SQLite is asked for the key before the append lock is had
 *   A_*          journal_append.cc: begin_append, append; A_KEY is WriteQueue::append (tail index)
 *   W_*          write_failed
 *   F_*, ACK     journal_flush.cc: flush_as_waiter, flush_locked, covered, find_carried
 *   S_*          sync_segment: mark, fdatasync, durable mark, mark cleared
 *   M_*, N_*     journal_renew.cc: mend, finish_birth, adopt_dead_append; renew, carry, publish
 *   IDLE (apply) applier.cc: a step, whole: rows and watermark up to Journal::durable()
 *
 * What is checked (assertions): G1 what was acknowledged is in the log after every recovery, and in
 * its place; G2 a key is in the log once, and is answered with the first record's sequence; G5 no
 * gap, nothing twice, rows in the log's order; G8 nothing below the durable mark is unreadable, a
 * failed fdatasync is never believed (it may have written nothing, and reads back well until the
 * page is evicted), also where its process died before it could tell; recovery never refuses what
 * was not damaged, and never cuts what SQLite's watermark claims (ROT: a durable frame goes bad; what
 * nobody claims yet is lost with it, which no log can tell from a torn tail); no deadlock.
 *
 * Abstracted: a frame is a slot, a group is one frame, one record a process (retried with the same
 * key until it is answered); checksums are perfect, so that a frame is whole or torn; a torn frame's
 * header says nothing; seq and offset agree (no control frames); page stores are sequentially
 * consistent; a kill does not lose the page, a cut leaves it as it was, empty, or old with marks that
 * are no longer true; the page's token changes with the cut; writing <id>.new is one step, as it has
 * no name; a directory's sync does not fail; threads of one process, deadlines, gathering, full disks
 * and preallocation are left out.
 *
 * Bounds: NSEG segments of NF frames, NINST appends, KILLS, CUTS, FAILS (common.pml). Where more
 * would be needed the run ends there. */
#include "common.pml"
#ifndef NSEG
#define NSEG 3 /* segments 1..NSEG; where another is needed the run ends */
#endif
#ifndef NF
#define NF 2 /* frames that fill a segment */
#endif
#ifndef NINST
#define NINST 3 /* appends in all, retries included */
#endif
#define TORN 7
#define AT(s, f) ((s)*NF + (f))

/* ---- the disk: slots of segments, header fields, names ---- */
byte vis[(NSEG + 1) * NF];  /* as read now: 0 zeros, 1..NINST a frame, TORN damage */
byte dur[(NSEG + 1) * NF];  /* as the disk holds it */
bit dirty[(NSEG + 1) * NF]; /* the page cache still means to write it */
byte claim[(NSEG + 1) * NF]; /* durable frames of the segment, as the frame's header says */
byte h_epoch[NSEG + 1], h_first[NSEG + 1], h_prev_end[NSEG + 1], h_carried[NSEG + 1];
bit n_vis[NSEG + 1], n_dur[NSEG + 1]; /* its name: as listed, as on disk */
byte i_seq[NINST + 1], i_key[NINST + 1]; /* what an append put into its frame */
byte ninst;

/* ---- the control page ---- */
bit pg_valid, pg_same_cache;
byte pg_end_s, pg_end_f, pg_dur_s, pg_dur_f;
byte pg_append; /* 0 none, 1 under way, 2 void */
byte pg_birth, pg_flush;

/* ---- SQLite: keys and rows; its own durability is projection.pml's ---- */
byte db, db_row[NINST + 1];

/* ---- processes ---- */
byte pc[NP], alock, flock; /* locks: 0 free, else 1 + owner */
bit live[NP];              /* holds open.lock shared */
byte key[NP];
bit got[NP]; /* its record was acknowledged */
byte t_s[NP], t_f[NP], s_ok[NP], s_bad[NP], m_ret[NP], r_kind[NP], r_ret[NP];
bit m_rotate[NP], torn[NP];
byte ap_s[NP], ap_f[NP], inst[NP], my_seq[NP], tries[NP], tail_from[NP], tail_epoch[NP];
bit dup[NP];

/* ---- the world and what was promised ---- */
byte kills = KILLS, cuts = CUTS, fails = FAILS, victim;
byte acked_seq[NP]; /* by key: the sequence that was acknowledged, 0 for none */
bit over;           /* out of segments or appends: the run ends here, nothing is judged */
bit rotten;
byte cx; /* counts inside atomic sequences, 0 outside */

hidden byte i, j, n, s, f, x, last, broken, later, top, verdict, found, log_inst[NINST + 2];

#define OPEN 1
#define R_SCAN 3
#define R_DIR 4
#define R_DURABLE 5
#define R_END 6
#define R_JUDGE 7
#define R_DONE 8
#define IDLE 9
#define A_LOCK 11
#define A_FLUSH_LOCK 12
#define A_BOTH 13
#define A_KEY 15
#define A_MARK 16
#define A_WRITE 17
#define A_END 18
#define A_CLEAR 19
#define W_FLUSH_LOCK 20
#define W_BOTH 21
#define W_MENDED 22
#define F_TRY 23
#define F_WANT 24
#define F_HELD 25
#define F_MEND 26
#define F_MENDED 27
#define F_DONE 28
#define S_MARK 29
#define S_SYNC 30
#define S_DURABLE 31
#define S_CLEAR 32
#define M_BIRTH 33
#define M_BORN_DIR 34
#define M_BORN_DURABLE 35
#define M_BORN_END 36
#define M_BORN_CLEAR 37
#define M_APPEND 38
#define M_FLUSH 39
#define N_KEEP 40
#define N_MAKE 41
#define N_BIRTH 42
#define N_NAME 43
#define N_DIR 44
#define N_DURABLE 45
#define N_END 46
#define N_CLEAR 47
#define ACK 48
#define UNKNOWN 49
#define GONE 51
#define S_TELL 52

#define ROTATE 1
#define CUT 2
#define ABANDON 3

/* happenings for the tally */
#define MET_TORN 1
#define MET_ONLY_B 2
#define MET_ABANDON_DEAD 3
#define MET_ABANDON_FAILED 4
#define MET_CARRIED 5
#define MET_ROTATE 6
#define MET_DEAD_APPEND_WHOLE 7
#define MET_DEAD_APPEND_TORN 8
#define MET_FINISH_BIRTH 9
#define MET_UNKNOWN 10
#define MET_DUPLICATE 11
#define MET_STALE_PAGE 12
#define MET_SECOND_CUT_IN_RECOVERY 13
#define MET_REFUSED 14
#define MET_SHARED_FLUSH 15
#define MET_HINT 16
#define MET_VOID 17
#define MET_NAME_LOST 18
#define MET_LOST_IN_CARRY 19
#define MET_EPOCH_SEEN_IN_APPEND 20
#define MET_TAIL_UNREADABLE 21

#define seq_at(S, F) (h_first[S] - 1 + (F))
#define end_seq seq_at(pg_end_s, pg_end_f)
#define dur_seq seq_at(pg_dur_s, pg_dur_f)
#ifdef APPLY_UNDURABLE
#define APPLY_LIMIT end_seq
#else
#define APPLY_LIMIT dur_seq
#endif
#define is_frame(v) ((v) != 0 && (v) != TORN)

/* Journal::Impl::durable_in: what is known durable of segment S, in frames. */
inline durable_in(S, into) {
  into = h_carried[S];
  if
  :: pg_valid && pg_dur_s == S && pg_dur_f >= h_carried[S] -> into = pg_dur_f
  :: else
  fi
}

/* The log as a reader walks it, up to a mark (Reader::next): log_inst[1..n]. */
inline read_log(LS, LF) {
  n = 0;
  broken = 0;
  s = 1;
  do
  :: s <= LS ->
    last = LF;
    if
    :: s < LS -> last = h_prev_end[s + 1]
    :: else
    fi;
    f = 0;
    do
    :: f < last ->
      x = vis[AT(s, f)];
      if
      :: is_frame(x) ->
        assert(i_seq[x] == n + 1); /* no gap, nothing twice: G5 */
        n++;
        log_inst[n] = x;
        f++
      :: else -> /* G8: only what is not durable can be gone, until its segment is left */
        assert(s > pg_dur_s || (s == pg_dur_s && f >= pg_dur_f));
        broken = 1;
        break
      fi
    :: else -> break
    od;
    if
    :: broken -> break
    :: else -> s++
    fi
  :: else -> break
  od
}

inline find_in_log(K, from) { /* found: seq of the record with the key after `from`, or 0 */
  read_log(pg_end_s, pg_end_f);
  found = 0;
  i = from + 1;
  do
  :: i <= n ->
    if
    :: i_key[log_inst[i]] == K -> found = i
    :: else
    fi;
    i++
  :: else -> break
  od
}

inline find_in_db(K) {
  found = 0;
  i = 1;
  do
  :: i <= db ->
    if
    :: i_key[db_row[i]] == K -> found = i
    :: else
    fi;
    i++
  :: else -> break
  od
}

/* G1, G2, G5: what was acknowledged is there, once, in its place; rows are the log's. */
inline check_log(LS, LF) {
  read_log(LS, LF);
  i = 1;
  do
  :: i <= n ->
    j = i + 1;
    do
    :: j <= n -> assert(i_key[log_inst[i]] != i_key[log_inst[j]]); j++ /* once */
    :: else -> break
    od;
    i++
  :: else -> break
  od;
  assert(db <= n); /* no row without its record */
  i = 1;
  do
  :: i <= db -> assert(db_row[i] == log_inst[i]); i++
  :: else -> break
  od;
  i = 0;
  do
  :: i < NP ->
    if
    :: acked_seq[i] != 0 ->
      assert(acked_seq[i] <= n && i_key[log_inst[acked_seq[i]]] == i)
    :: else
    fi;
    i++
  :: else -> break
  od
}

/* scan_tail + judge_tail from frame `from` of segment S, with `known` frames known durable.
 * top: where the log ends. verdict: 0 clean, 1 torn, 2 refused. */
inline scan_tail(S, from, known, claimed_seq) {
  top = from;
  do
  :: top < NF && is_frame(vis[AT(S, top)]) && i_seq[vis[AT(S, top)]] == h_first[S] + top -> top++
  :: else -> break
  od;
  later = 0;
  x = 0; /* 1: a later frame, 2: only remains */
  f = top + 1;
  do
  :: f < NF ->
    if
    :: is_frame(vis[AT(S, f)]) ->
      x = 1;
      if
      :: claim[AT(S, f)] > later -> later = claim[AT(S, f)]
      :: else
      fi
    :: vis[AT(S, f)] == TORN && x == 0 -> x = 2
    :: else
    fi;
    f++
  :: else -> break
  od;
  if
  :: top < NF && is_frame(vis[AT(S, top)]) -> verdict = 2 /* gap */
  :: else ->
    if
    :: later > top || h_carried[S] > top || known > top -> verdict = 2
    :: else ->
      if
#ifndef IGNORE_CLAIMS
      :: claimed_seq > seq_at(S, top) -> verdict = 2
#endif
      :: else ->
        if
        :: top < NF && (vis[AT(S, top)] == TORN || x != 0) -> verdict = 1
        :: else -> verdict = 0
        fi
      fi
    fi
  fi
}

/* Impl::covered: found = 1 durable, 2 never will be, 0 not yet. */
inline covered() {
  found = 0;
  if
  :: pg_dur_s == 0 || h_epoch[pg_dur_s] < h_epoch[ap_s[me]]
#ifdef COVERED_IGNORES_EPOCH
  :: else ->
    if
    :: pg_dur_s > ap_s[me] || (pg_dur_s == ap_s[me] && pg_dur_f >= ap_f[me]) -> found = 1
    :: else
    fi
#else
  :: h_epoch[pg_dur_s] == h_epoch[ap_s[me]] && pg_dur_s != 0 ->
    if
    :: pg_dur_s > ap_s[me] || (pg_dur_s == ap_s[me] && pg_dur_f >= ap_f[me]) -> found = 1
    :: else
    fi
  :: pg_dur_s != 0 && h_epoch[pg_dur_s] > h_epoch[ap_s[me]] -> /* find_carried */
    found = 2;
    s = ap_s[me] + 1;
    do
    :: s <= NSEG && n_vis[s] && h_epoch[s] <= h_epoch[ap_s[me]] -> s++
    :: else -> break
    od;
    if
    :: ap_s[me] < s - 1 || (ap_s[me] == s - 1 && ap_f[me] <= h_prev_end[s]) -> found = 1
    :: else ->
      if /* with no frame of its own it asks for the records up to its mark */
      :: inst[me] == 0 && seq_at(s, h_carried[s]) >= seq_at(ap_s[me], ap_f[me]) -> found = 1
      :: else
      fi;
      f = 0;
      do
      :: f < h_carried[s] ->
        if
        :: vis[AT(s, f)] == inst[me] && inst[me] != 0 -> found = 1
        :: else
        fi;
        f++
      :: else -> break
      od
    fi
#endif
  fi
}

inline forget(x) { /* what a process knew */
  t_s[x] = 0; t_f[x] = 0; s_ok[x] = 0; s_bad[x] = 0; m_ret[x] = 0; r_kind[x] = 0; r_ret[x] = 0;
  m_rotate[x] = 0; torn[x] = 0; ap_s[x] = 0; ap_f[x] = 0; inst[x] = 0; my_seq[x] = 0; tries[x] = 0;
  tail_from[x] = 0; tail_epoch[x] = 0; dup[x] = 0; live[x] = 0;
  pc[x] = OPEN
}

inline call_sync(ok, bad) { s_ok[me] = ok; s_bad[me] = bad; pc[me] = S_MARK }
inline call_mend(rotate, back) { m_rotate[me] = rotate; m_ret[me] = back; pc[me] = M_BIRTH }
inline call_renew(kind, end_f, back) {
  r_kind[me] = kind; t_s[me] = pg_end_s; t_f[me] = end_f; r_ret[me] = back; pc[me] = N_KEEP
}
inline end_run() { over = 1; kills = 0; cuts = 0; fails = 0 }

proctype Process(byte me) {
  do
  :: over || (pc[me] == GONE && cuts == 0) -> break

  /* -------- journal_open.cc -------- */
  :: d_step { !over && pc[me] == OPEN && alock == 0 ->
      alock = me + 1;
      if
      :: live[1 - me] -> /* Impl::join */
        printf("@ P%d joins\n", me);
        assert(pg_valid && db <= end_seq);
        live[me] = 1; alock = 0; pc[me] = IDLE
      :: else -> pc[me] = R_SCAN; printf("@ P%d opens alone: recovers\n", me)
      fi
    }
  :: d_step { pc[me] == R_SCAN -> /* recover_alone, up to where it begins to write */
      if
      :: !pg_valid -> /* ControlPage::format */
        pg_valid = 1; pg_same_cache = 1; pg_end_s = 0; pg_end_f = 0; pg_dur_s = 0; pg_dur_f = 0;
        pg_append = 0; pg_birth = 0; pg_flush = 0
      :: else
      fi;
      last = 1;
      do
      :: last < NSEG && n_vis[last + 1] -> last++
      :: else -> break
      od;
      t_s[me] = last;
      found = h_carried[last]; /* known durable: the header's word, or the checked hint (choose_start) */
      if
      :: pg_same_cache && pg_dur_s == last && pg_dur_f > found && is_frame(vis[AT(last, pg_dur_f - 1)]) ->
        found = pg_dur_f;
        MET(MET_HINT)
      :: else
      fi;
#ifdef TRUST_STALE_PAGE
      if
      :: pg_end_s == last -> top = pg_end_f; verdict = 0
      :: else -> scan_tail(last, 0, found, db)
      fi;
#else
      scan_tail(last, 0, found, db);
#endif
      t_f[me] = top;
      torn[me] = (verdict == 1);
      tries[me] = found; /* carries `durable` to the next steps */
      if
      :: verdict == 2 ->
        MET(MET_REFUSED);
        printf("@ P%d refuses: damage, gap or lost data\n", me);
        assert(rotten); /* nothing was rotten: a false alarm */
        end_run()
      :: else ->
        if
        :: verdict == 1 -> MET(MET_TORN)
        :: else
        fi;
        if
        :: verdict == 1 && top + 1 < NF && vis[AT(last, top)] == 0 -> MET(MET_ONLY_B)
        :: else
        fi;
        if
        :: pg_end_s != last || pg_birth != 0 -> pc[me] = R_DIR
        :: else -> pc[me] = R_DURABLE
        fi
      fi
    }
  :: d_step { pc[me] == R_DIR -> /* its creator may have died before the directory was synced */
      printf("@ P%d recovery: syncs the journal's directory\n", me);
      x = 1;
      do
      :: x <= NSEG -> n_dur[x] = n_vis[x]; x++
      :: else -> break
      od;
      pc[me] = R_DURABLE
    }
  :: d_step { pc[me] == R_DURABLE -> pg_dur_s = t_s[me]; pg_dur_f = tries[me]; pc[me] = R_END }
  :: d_step { pc[me] == R_END ->
      pg_end_s = t_s[me]; pg_end_f = t_f[me]; pg_append = 0; pg_birth = 0; pg_same_cache = 1;
      tries[me] = 0;
      if
      :: pg_flush != t_s[me] -> pg_flush = 0
      :: else
      fi;
      pc[me] = R_JUDGE
    }
  :: d_step { pc[me] == R_JUDGE ->
      if
#ifndef RECOVERY_IGNORES_FLUSH_MARK
      :: pg_flush == pg_end_s ->
        printf("@ P%d recovery: a flush may have failed unseen: leaves the segment\n", me);
        MET(MET_ABANDON_DEAD);
        call_renew(ABANDON, pg_end_f, R_DONE)
#endif
      :: else ->
        if
        :: torn[me] ->
          printf("@ P%d recovery: cuts a torn tail\n", me);
#ifdef REWRITE_IN_PLACE
          vis[AT(pg_end_s, pg_end_f)] = 0;
          dirty[AT(pg_end_s, pg_end_f)] = 1;
          pc[me] = R_DONE
#else
          call_renew(CUT, pg_end_f, R_DONE)
#endif
        :: else ->
          if
          :: pg_dur_f >= pg_end_f -> pc[me] = R_DONE
          :: else -> call_sync(R_DONE, N_KEEP); r_kind[me] = ABANDON; r_ret[me] = R_DONE
          fi
        fi
      fi
    }
  :: d_step { pc[me] == R_DONE ->
      printf("@ P%d recovery: done\n", me);
      check_log(pg_end_s, pg_end_f);
      assert(!broken);
      forget(me); live[me] = 1; alock = 0; pc[me] = IDLE
    }

  /* -------- a record: WriteQueue::prepare, ::append, journal_append.cc -------- */
  :: d_step { pc[me] == IDLE && got[me] ->
      if
      :: alock == 0 && flock == 0 && pg_birth == 0 -> check_log(pg_end_s, pg_end_f)
      :: else
      fi;
      live[me] = 0; pc[me] = GONE }
  :: d_step { pc[me] == IDLE && db < APPLY_LIMIT -> /* Applier::step: what lies before durable() */
#ifdef APPLY_UNDURABLE
      read_log(pg_end_s, pg_end_f);
#else
      read_log(pg_dur_s, pg_dur_f);
#endif
      if
      :: db < n -> printf("@ P%d applies the next record\n", me); db++; db_row[db] = log_inst[db]
      :: else
      fi
    }
  :: d_step { pc[me] == IDLE && !got[me] -> /* before the append lock: SQLite answers for the applied */
      if
      :: tail_epoch[me] == 0 -> tail_epoch[me] = h_epoch[pg_end_s]; tail_from[me] = db
      :: else
      fi;
      find_in_db(key[me]);
      dup[me] = (found != 0); my_seq[me] = found;
#ifdef KEY_OUTSIDE_LOCK
      if
      :: !dup[me] && pg_append == 0 && pg_birth == 0 ->
        find_in_log(key[me], tail_from[me]);
        dup[me] = (found != 0); my_seq[me] = found
      :: else
      fi;
#endif
      pc[me] = A_LOCK
    }
  :: d_step { pc[me] == A_LOCK && alock == 0 ->
      if
      :: pg_append != 0 || pg_birth != 0 || pg_end_f >= NF -> pc[me] = A_FLUSH_LOCK /* wants_renewal */
      :: else -> alock = me + 1; pc[me] = A_KEY
      fi
    }
  :: d_step { pc[me] == A_FLUSH_LOCK && flock == 0 -> flock = me + 1; pc[me] = A_BOTH }
  :: d_step { pc[me] == A_BOTH && alock == 0 -> alock = me + 1; call_mend(1, A_KEY) }
  :: d_step { pc[me] == A_KEY ->
      broken = 0;
      if
      :: flock == me + 1 -> flock = 0
      :: else
      fi;
      if
      :: tail_epoch[me] != h_epoch[pg_end_s] -> /* restart_tail */
        MET(MET_EPOCH_SEEN_IN_APPEND);
        tail_from[me] = db;
        tail_epoch[me] = h_epoch[pg_end_s];
#ifndef KEY_NOT_LOOKED_UP_AGAIN
        if
        :: !dup[me] -> find_in_db(key[me]); dup[me] = (found != 0); my_seq[me] = found
        :: else
        fi
#endif
      :: else
      fi;
#ifndef KEY_OUTSIDE_LOCK
      if
      :: !dup[me] ->
        find_in_log(key[me], tail_from[me]);
        dup[me] = (found != 0); my_seq[me] = found
      :: else
      fi;
#endif
      if
      :: broken -> /* its log cannot be read up to the end: an error, nothing was written */
        printf("@ P%d cannot read the tail: answers an error\n", me);
        MET(MET_TAIL_UNREADABLE);
        alock = 0; tail_epoch[me] = 0; dup[me] = 0; my_seq[me] = 0; pc[me] = IDLE
      :: !broken && dup[me] ->
        printf("@ P%d finds its key: a duplicate\n", me);
        MET(MET_DUPLICATE);
        ap_s[me] = pg_end_s; ap_f[me] = pg_end_f; inst[me] = 0; alock = 0; tries[me] = 0;
#ifdef DUPLICATE_ACKED_UNFLUSHED
        pc[me] = ACK
#else
        pc[me] = F_TRY
#endif
      :: !broken && !dup[me] ->
        if
        :: ninst == NINST -> end_run()
        :: else ->
          ninst++;
          inst[me] = ninst;
          i_key[ninst] = key[me];
          i_seq[ninst] = end_seq + 1;
          my_seq[me] = end_seq + 1;
          pc[me] = A_MARK
        fi
      fi
    }
  :: d_step { pc[me] == A_MARK -> pg_append = 1; pc[me] = A_WRITE }
  :: d_step { pc[me] == A_WRITE ->
      printf("@ P%d writes its frame\n", me);
      vis[AT(pg_end_s, pg_end_f)] = inst[me];
      dirty[AT(pg_end_s, pg_end_f)] = 1;
      durable_in(pg_end_s, x);
      claim[AT(pg_end_s, pg_end_f)] = x;
      pc[me] = A_END
    }
  :: atomic { pc[me] == A_WRITE && fails > 0 -> /* Impl::write_failed */
      printf("@ P%d its write fails\n", me);
      fails--;
      if
      :: vis[AT(pg_end_s, pg_end_f)] = inst[me]; dirty[AT(pg_end_s, pg_end_f)] = 1
      :: vis[AT(pg_end_s, pg_end_f)] = TORN; dirty[AT(pg_end_s, pg_end_f)] = 1
      :: skip
      fi;
      claim[AT(pg_end_s, pg_end_f)] = 0;
      pg_append = 2; alock = 0; pc[me] = W_FLUSH_LOCK
    }
  :: d_step { pc[me] == W_FLUSH_LOCK && flock == 0 -> flock = me + 1; pc[me] = W_BOTH }
  :: d_step { pc[me] == W_BOTH && alock == 0 -> alock = me + 1; call_mend(0, W_MENDED) }
  :: d_step { pc[me] == W_MENDED ->
      flock = 0; alock = 0; inst[me] = 0; my_seq[me] = 0; pc[me] = IDLE /* answered: an error */
    }
  :: d_step { pc[me] == A_END -> pg_end_f++; pc[me] = A_CLEAR }
  :: d_step { pc[me] == A_CLEAR ->
      pg_append = 0; ap_s[me] = pg_end_s; ap_f[me] = pg_end_f; alock = 0; tries[me] = 0;
#ifdef ACK_BEFORE_FLUSH
      pc[me] = ACK
#else
      pc[me] = F_TRY
#endif
    }

  /* -------- journal_flush.cc -------- */
  :: d_step { pc[me] == F_TRY ->
      covered();
      if
      :: found == 1 ->
        if
        :: tries[me] == 0 && inst[me] != 0 -> MET(MET_SHARED_FLUSH)
        :: else
        fi;
        pc[me] = ACK
      :: found == 2 || (found == 0 && tries[me] == 2) -> pc[me] = UNKNOWN
      :: else -> pc[me] = F_WANT
      fi
    }
  :: d_step { pc[me] == F_WANT && flock == 0 -> flock = me + 1; pc[me] = F_HELD }
  :: d_step { pc[me] == F_HELD -> /* flush_locked */
      covered();
      if
      :: found != 0 -> pc[me] = F_DONE
      :: else ->
        if
        :: pg_birth != 0 || pg_flush == pg_end_s -> pc[me] = F_MEND
        :: else ->
          if
          :: pg_dur_s == pg_end_s && pg_dur_f >= pg_end_f -> pc[me] = F_DONE
          :: else -> t_s[me] = pg_end_s; t_f[me] = pg_end_f; call_sync(F_DONE, F_MEND)
          fi
        fi
      fi
    }
  :: d_step { pc[me] == F_MEND && alock == 0 -> alock = me + 1; call_mend(0, F_MENDED) }
  :: d_step { pc[me] == F_MENDED -> alock = 0; pc[me] = F_DONE }
  :: d_step { pc[me] == F_DONE -> flock = 0; tries[me]++; pc[me] = F_TRY }
  :: d_step { pc[me] == ACK ->
      printf("@ P%d acknowledges its record\n", me);
      assert(acked_seq[key[me]] == 0 || acked_seq[key[me]] == my_seq[me]); /* the first's receipt */
      acked_seq[key[me]] = my_seq[me];
      got[me] = 1;
      inst[me] = 0; ap_s[me] = 0; ap_f[me] = 0; tries[me] = 0; dup[me] = 0;
      pc[me] = IDLE
    }
  :: d_step { pc[me] == UNKNOWN ->
      printf("@ P%d answers: outcome unknown\n", me);
      MET(MET_UNKNOWN);
      inst[me] = 0; ap_s[me] = 0; ap_f[me] = 0; tries[me] = 0; dup[me] = 0; my_seq[me] = 0;
      pc[me] = IDLE
    }

  /* -------- Impl::sync_segment -------- */
  :: d_step { pc[me] == S_MARK ->
#ifndef FLUSH_MARK_ONLY_WHEN_SEEN
      pg_flush = t_s[me];
#endif
      pc[me] = S_SYNC
    }
  :: d_step { pc[me] == S_SYNC ->
      printf("@ P%d fdatasync\n", me);
      f = 0;
      do
      :: f < NF ->
        if
        :: dirty[AT(t_s[me], f)] -> dur[AT(t_s[me], f)] = vis[AT(t_s[me], f)]; dirty[AT(t_s[me], f)] = 0
        :: else
        fi;
        f++
      :: else -> break
      od;
      pc[me] = S_DURABLE
    }
  :: atomic { pc[me] == S_SYNC && fails > 0 ->
      /* Some may have gone out; the rest is marked clean, reads back well until it is evicted. */
      printf("@ P%d fdatasync FAILS\n", me);
      fails--;
      cx = 0;
      do
      :: cx < NF && dirty[AT(t_s[me], cx)] ->
        if
        :: dur[AT(t_s[me], cx)] = vis[AT(t_s[me], cx)]
        :: skip
        :: vis[AT(t_s[me], cx)] = dur[AT(t_s[me], cx)]
        fi;
        dirty[AT(t_s[me], cx)] = 0;
        cx++
      :: cx < NF && !dirty[AT(t_s[me], cx)] -> cx++
      :: cx == NF -> break
      od;
      cx = 0;
      MET(MET_ABANDON_FAILED);
#ifdef FSYNC_RETRY_BELIEVED
      pc[me] = S_SYNC
#elif defined(FLUSH_MARK_ONLY_WHEN_SEEN)
      pc[me] = S_TELL
#else
      pc[me] = s_bad[me];
      if
      :: pc[me] == N_KEEP -> r_kind[me] = ABANDON
      :: else
      fi
#endif
    }
#ifdef FLUSH_MARK_ONLY_WHEN_SEEN
  :: d_step { pc[me] == S_TELL ->
      pg_flush = t_s[me]; pc[me] = s_bad[me];
      if
      :: pc[me] == N_KEEP -> r_kind[me] = ABANDON
      :: else
      fi
    }
#endif
  :: d_step { pc[me] == S_DURABLE -> pg_dur_s = t_s[me]; pg_dur_f = t_f[me]; pc[me] = S_CLEAR }
  :: d_step { pc[me] == S_CLEAR -> pg_flush = 0; pc[me] = s_ok[me]; s_ok[me] = 0; s_bad[me] = 0 }

  /* -------- Impl::mend, ::finish_birth, ::adopt_dead_append -------- */
  :: d_step { pc[me] == M_BIRTH ->
      if
      :: pg_birth == 0 -> pc[me] = M_APPEND
      :: else ->
        if
        :: pg_end_s >= pg_birth || !n_vis[pg_birth] -> pc[me] = M_BORN_CLEAR
        :: else -> MET(MET_FINISH_BIRTH); printf("@ P%d finishes the birth a dead process began\n", me); pc[me] = M_BORN_DIR
        fi
      fi
    }
  :: d_step { pc[me] == M_BORN_DIR -> n_dur[pg_birth] = 1; pc[me] = M_BORN_DURABLE }
  :: d_step { pc[me] == M_BORN_DURABLE ->
      pg_dur_s = pg_birth; pg_dur_f = h_carried[pg_birth]; pc[me] = M_BORN_END
    }
  :: d_step { pc[me] == M_BORN_END ->
      pg_end_s = pg_birth; pg_end_f = h_carried[pg_birth]; pg_append = 0; pg_flush = 0;
      pc[me] = M_BORN_CLEAR
    }
  :: d_step { pc[me] == M_BORN_CLEAR -> pg_birth = 0; pc[me] = M_APPEND }
  :: d_step { pc[me] == M_APPEND ->
      if
      :: pg_append == 0 -> pc[me] = M_FLUSH
      :: pg_append == 2 -> MET(MET_VOID); call_renew(CUT, pg_end_f, M_FLUSH)
      :: pg_append == 1 ->
        printf("@ P%d finds the append of a dead process\n", me);
        durable_in(pg_end_s, found);
        scan_tail(pg_end_s, pg_end_f, found, 0);
        assert(verdict != 2);
        if
        :: verdict == 1 -> MET(MET_DEAD_APPEND_TORN); call_renew(CUT, top, M_FLUSH)
        :: else ->
          if
          :: top > pg_end_f -> MET(MET_DEAD_APPEND_WHOLE)
          :: else
          fi;
          pg_end_f = top; pg_append = 0; pc[me] = M_FLUSH
        fi
      fi
    }
  :: d_step { pc[me] == M_FLUSH ->
      if
      :: pg_flush == pg_end_s ->
        printf("@ P%d a flush failed or its process died in it: leaves the segment\n", me);
        MET(MET_ABANDON_DEAD);
        call_renew(ABANDON, pg_end_f, m_ret[me])
      :: else ->
        if
        :: m_rotate[me] && pg_end_f >= NF -> MET(MET_ROTATE); call_renew(ROTATE, pg_end_f, m_ret[me])
        :: else -> pc[me] = m_ret[me]
        fi
      fi
    }

  /* -------- Impl::renew, ::publish, carry -------- */
  :: d_step { pc[me] == N_KEEP ->
      durable_in(t_s[me], x);
#ifndef CUT_BELIEVES_SUSPECT
      if /* a suspect segment is never synced again */
      :: pg_flush == t_s[me] -> r_kind[me] = ABANDON
      :: else
      fi;
#endif
      if
      :: r_kind[me] != ABANDON && x < t_f[me] -> call_sync(N_MAKE, N_MAKE)
      :: else -> pc[me] = N_MAKE
      fi
    }
  :: d_step { pc[me] == N_MAKE -> /* <id>.new written and synced: it has no name yet */
      durable_in(t_s[me], x);
      s = t_s[me] + 1;
      if
      :: s > NSEG -> end_run()
      :: else ->
        h_epoch[s] = h_epoch[t_s[me]] + (r_kind[me] != ROTATE || x < t_f[me]);
        f = 0;
        if
        :: x >= t_f[me] -> t_f[me] = x
        :: else ->
          do
          :: x + f < t_f[me] && is_frame(vis[AT(t_s[me], x + f)]) &&
              i_seq[vis[AT(t_s[me], x + f)]] == h_first[t_s[me]] + x + f ->
            vis[AT(s, f)] = vis[AT(t_s[me], x + f)];
            dur[AT(s, f)] = vis[AT(s, f)];
            claim[AT(s, f)] = 0;
            f++
          :: else -> break
          od;
          if
          :: f > 0 -> MET(MET_CARRIED)
          :: else
          fi;
          if
          :: x + f < t_f[me] -> MET(MET_LOST_IN_CARRY)
          :: else
          fi
        fi;
        h_carried[s] = f;
#ifdef SEQ_REUSED_AFTER_CUT
        h_first[s] = h_first[t_s[me]] + h_carried[t_s[me]];
#else
        h_first[s] = h_first[t_s[me]] + x;
#endif
        h_prev_end[s] = x;
        pc[me] = N_BIRTH
      fi
    }
  :: d_step { pc[me] == N_BIRTH ->
#ifndef NO_BIRTH_MARK
      pg_birth = t_s[me] + 1;
#endif
      pc[me] = N_NAME
    }
  :: d_step { pc[me] == N_NAME -> printf("@ P%d names the new segment\n", me); n_vis[t_s[me] + 1] = 1; pc[me] = N_DIR }
  :: d_step { pc[me] == N_DIR ->
#ifndef NO_DIRECTORY_SYNC
      n_dur[t_s[me] + 1] = 1;
#endif
      pc[me] = N_DURABLE
    }
  :: d_step { pc[me] == N_DURABLE ->
      pg_dur_s = t_s[me] + 1; pg_dur_f = h_carried[t_s[me] + 1]; pc[me] = N_END
    }
  :: d_step { pc[me] == N_END ->
      pg_end_s = t_s[me] + 1; pg_end_f = h_carried[t_s[me] + 1]; pg_append = 0; pg_flush = 0;
      pc[me] = N_CLEAR
    }
  :: d_step { pc[me] == N_CLEAR ->
      pg_birth = 0;
      check_log(pg_end_s, pg_end_f);
      assert(!broken);
      t_s[me] = 0; t_f[me] = 0; r_kind[me] = 0;
      pc[me] = r_ret[me]; r_ret[me] = 0
    }
  od
}

proctype World() {
  do
  :: over || (kills == 0 && cuts == 0) -> break

  /* kill -9: of a write under way any part may be there. */
  :: atomic { !over && kills > 0 ->
      if
      :: pc[0] != OPEN && pc[0] != GONE -> victim = 0
      :: pc[1] != OPEN && pc[1] != GONE -> victim = 1
      :: pc[0] == OPEN || pc[0] == GONE || pc[1] == OPEN || pc[1] == GONE -> goto next
      fi;
      TALLY_KILL;
      printf("@ -- P%d is killed\n", victim);
      kills--;
      if
      :: pc[victim] == A_WRITE ->
        if
        :: vis[AT(pg_end_s, pg_end_f)] = inst[victim]; dirty[AT(pg_end_s, pg_end_f)] = 1;
          claim[AT(pg_end_s, pg_end_f)] = 0
        :: vis[AT(pg_end_s, pg_end_f)] = TORN; dirty[AT(pg_end_s, pg_end_f)] = 1
        :: skip
        fi
      :: else
      fi;
      if
      :: alock == victim + 1 -> alock = 0
      :: else
      fi;
      if
      :: flock == victim + 1 -> flock = 0
      :: else
      fi;
      cx = victim;
      forget(cx);
      cx = 0; victim = 0;
next: skip
    }

  :: atomic { !over && cuts > 0 ->
      TALLY_CUT;
      printf("@ -- power cut\n");
      cuts--;
      if
      :: pc[0] >= R_SCAN && pc[0] <= R_DONE || pc[1] >= R_SCAN && pc[1] <= R_DONE ->
        MET(MET_SECOND_CUT_IN_RECOVERY)
      :: else
      fi;
      cx = 0;
      do
      :: cx < NP && pc[cx] == A_WRITE -> /* a write under way: lost, torn or whole */
        vis[AT(pg_end_s, pg_end_f)] = inst[cx]; dirty[AT(pg_end_s, pg_end_f)] = 1;
        claim[AT(pg_end_s, pg_end_f)] = 0; cx++
      :: cx < NP && pc[cx] != A_WRITE -> cx++
      :: cx == NP -> break
      od;
      cx = NF;
      do /* each slot that was not synced: kept, lost, or torn */
      :: cx < (NSEG + 1) * NF && dirty[cx] ->
        if
        :: printf("@ --   keeps slot %d of segment %d\n", cx % NF, cx / NF); dur[cx] = vis[cx]
        :: printf("@ --   loses slot %d of segment %d\n", cx % NF, cx / NF)
        :: vis[cx] != TORN -> printf("@ --   tears slot %d of segment %d\n", cx % NF, cx / NF); dur[cx] = TORN
        fi;
        dirty[cx] = 0; vis[cx] = dur[cx]; cx++
      :: cx < (NSEG + 1) * NF && !dirty[cx] -> vis[cx] = dur[cx]; cx++
      :: cx == (NSEG + 1) * NF -> break
      od;
      cx = 1;
      do /* each name that was not synced: kept or lost */
      :: cx <= NSEG && n_vis[cx] && !n_dur[cx] ->
        if
        :: n_dur[cx] = 1
        :: printf("@ --   loses the name of segment %d\n", cx); n_vis[cx] = 0; MET(MET_NAME_LOST)
        fi;
        cx++
      :: cx <= NSEG && (!n_vis[cx] || n_dur[cx]) -> cx++
      :: cx > NSEG -> break
      od;
      cx = 0;
      d_step {
        x = 1;
        do
        :: x <= NSEG ->
          if
          :: !n_vis[x] ->
            h_epoch[x] = 0; h_first[x] = 0; h_prev_end[x] = 0; h_carried[x] = 0;
            f = 0;
            do
            :: f < NF -> vis[AT(x, f)] = 0; dur[AT(x, f)] = 0; claim[AT(x, f)] = 0; f++
            :: else -> break
            od
          :: else
          fi;
          x++
        :: else -> break
        od;
        alock = 0; flock = 0;
        x = 0; forget(x); x = 1; forget(x)
      };
      if /* the control page: as it was, older, or noise */
      :: skip
      :: pg_valid = 0; pg_end_s = 0; pg_end_f = 0; pg_dur_s = 0; pg_dur_f = 0; pg_append = 0;
        pg_birth = 0; pg_flush = 0; MET(MET_STALE_PAGE)
      :: pg_valid -> pg_end_s = 1; pg_end_f = 0; pg_dur_s = 0; pg_append = 1; pg_birth = 0;
        pg_flush = 1; MET(MET_STALE_PAGE)
      fi;
      pg_same_cache = 0;
      if /* SQLite keeps what was applied, or goes back */
      :: skip
      :: db > 0 -> db = 0; d_step { x = 0; do :: x <= NINST -> db_row[x] = 0; x++ :: else -> break od }
      fi;
      cx = 0
    }
#ifdef ROT
  /* A frame that was durable goes bad while nobody has the store open. */
  :: atomic { !over && !rotten && pc[0] == OPEN && pc[1] == OPEN && !live[0] && !live[1] && alock == 0 ->
      cx = NF;
      do
      :: cx < (NSEG + 1) * NF && is_frame(dur[cx]) && !dirty[cx] ->
        if
        :: dur[cx] = TORN; vis[cx] = TORN; rotten = 1; printf("@ -- a durable frame goes bad\n"); break
        :: cx++
        fi
      :: cx < (NSEG + 1) * NF && (!is_frame(dur[cx]) || dirty[cx]) -> cx++
      :: cx >= (NSEG + 1) * NF -> break
      od;
      /* What nobody claims is indistinguishable from a torn tail: the format's limit. */
      cx = 0;
      do
      :: cx < NP && acked_seq[cx] > db -> acked_seq[cx] = 0; got[cx] = 1; cx++
      :: cx < NP && acked_seq[cx] <= db -> cx++
      :: cx == NP -> break
      od;
      cx = 0
    }
#endif
  od
}

init {
  atomic {
    n_vis[1] = 1; n_dur[1] = 1; h_epoch[1] = 1; h_first[1] = 1; /* Journal::create */
    pc[0] = IDLE; live[0] = 1; pc[1] = OPEN; /* the first has opened, the second comes or not */
    pg_valid = 1; pg_same_cache = 1; pg_end_s = 1; pg_dur_s = 1;
    if /* two records, or both processes record the same key */
    :: key[1] = 1
    :: key[1] = 0
    fi;
    run Process(0); run Process(1); run World()
  }
}
