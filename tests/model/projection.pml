/* What is made of the journal: rows, files and commits by two processes, checkpoint and trim.
 *
 * log.pml shows that records are durable before they are read; here they are, in order. A step
 * stands for the named place:
 *   P_*  apply_role.cc: apply_pending; current_applier.cc: recheck_after_cache_loss; applier.cc:
 *        try_step: look-ahead, decisions journalled and flushed, files, one transaction for rows
 *        and watermark
 *   C_*  applier_files.cc: checkpoint: note, syncfs, SQLite checkpoint and sync, files_synced
 *   S_*  committer.cc: refresh, redo_pending, build, install; BatchFrame appended, flushed; move_ref
 *        (rename, then the directory's sync: two steps); drop_keep
 *   T_*  sync_role.cc: trim_journal; journal.cc: trim
 *
 * What is checked: rows and watermark rise together; one outcome of a record in file, row and commit,
 * and never a second file; the ref is always at a commit the journal knows (same ids at every redo)
 * and leads to objects that are there, whatever git gc prunes; whatever was trimmed is whole in row,
 * file and ref after any cut; nobody is stuck: every run ends with every record applied and folded.
 *
 * Abstracted: one record a transaction; the journal's append and flush are one step; SQLite keeps a
 * prefix of its transactions, at least what its last sync held; the git directory may lie on a file
 * system of its own, so that syncing the work tree's says nothing of the ref; a created file is
 * whole or absent; publishing to the branch is left out (it takes from the store's ref), and so are a
 * database that is damaged, sections' offsets beyond "a decision", and a person's edits.
 *
 * Bounds: NREC records, NSEG segments (and ABANDONS carried over by a recovery), GCS, DECISIONS. */
#include "common.pml"
#ifndef NREC
#define NREC 3
#endif
#ifndef NSEG
#define NSEG 2
#endif
#ifndef DECISIONS
#define DECISIONS 1 /* records up to here may have to be rebound */
#endif
#ifndef ABANDONS
#define ABANDONS 0 /* how often a flush mark outlives a cut */
#endif
#ifndef GCS
#define GCS 0 /* how often a person runs git gc --prune=now */
#endif

/* ---- the journal: records 1..jend, durable (log.pml shows what that takes) ---- */
byte jend, base, nseg, first[NSEG + ABANDONS + 1]; /* segments base..nseg; the first record of each */
byte dec[NREC + 1];  /* a journalled decision about a record: 0 none, 2 rebound */
bit dec_dur[NREC + 1];
byte nbatch, nbatch_dur, b_last[NREC + 2]; /* batch frames, the last of them perhaps not durable */

/* ---- SQLite: as committed, and what its last sync holds ---- */
byte w, w_seg, rows, row[NREC + 1], fs, pseg[NREC + 1];
byte w_d, w_seg_d, rows_d, fs_d;
bit under_way, under_way_d;

/* ---- record files: 0 absent, else the decision they were written for ---- */
byte file[NREC + 1], file_d[NREC + 1];
bit file_dirty[NREC + 1];
bit token; /* cache.token: the files were checked since the page cache was last lost */

/* ---- git: objects of commit k, up to record ob[k]; the store's own ref ---- */
byte ob[NREC + 2], ob_d[NREC + 2], in_commit[NREC + 1];
bit keep[NREC + 2];
byte ref, ref_last, ref_d, ref_last_d;

/* ---- processes ---- */
byte pc[NP], apply_lock, sync_lock;
bit applier[NP], folding[NP];
byte k[NP], upto[NP], d[NP], carried[NP], goal[NP], c_ret[NP];

byte kills = KILLS, cuts = CUTS, fails = FAILS, gcs = GCS, abandons = ABANDONS, victim, cx;
hidden byte i, q, r, x;

#define IDLE 1
#define P_OPEN 2
#define P_RECHECK 3
#define P_TOKEN 4
#define P_STEP 5
#define P_DECIDE 6
#define P_FRAME 7
#define P_FLUSH 8
#define P_FILE 9
#define P_COMMIT 10
#define P_COMMIT_2 11
#define P_NEXT 12
#define C_MARK 13
#define C_FILES 14
#define C_DATABASE 15
#define C_NOTE 16
#define S_LOOK 17
#define S_OBJECTS 18
#define S_OBJECTS_SYNC 19
#define S_FRAME 20
#define S_FRAME_FLUSH 21
#define S_REF 22
#define S_REF_DIR 23
#define S_KEEP 24
#define T_LOCK 25
#define T_LIMIT 26
#define T_REF_SYNC 27
#define T_BASE 28
#define T_CHECKED 29

#ifdef TRIM_BEFORE_COMMIT
#define HELD_BY_REF true
#else
#define HELD_BY_REF (ref_last > 0)
#endif
#ifdef TRIM_UNDER_THE_MARK
#define MAY_GO true
#else
#define MAY_GO (goal[me] < x)
#endif

#define MET_RECHECK 1
#define MET_REWRITTEN 2
#define MET_OBEYED 3
#define MET_REDONE 4
#define MET_TRIMMED 5
#define MET_CHECKPOINT_FAILED 6
#define MET_WRITTEN_AGAIN 7
#define MET_GC 8
#define MET_DATABASE_BEHIND 10
#define MET_REF_BEHIND 11
#define MET_DATABASE_AHEAD_OF_FILES 12
#define MET_CUT_AFTER_TRIM 13
#define MET_ABANDONED 14
#define MET_FRAME_LOST 15
#define MET_FOLD_WAITS 16
#define MET_ALL_DONE 17
#define MET_SECOND_CUT 18
#define MET_TAKEN_BACK 19

/* When a foreign program may take a record's id first: also between a crashed apply and its redo. Of
 * a record that a batch holds only the row would change, which is left out here. */
#define UNCOMMITTED (in_commit[w + 1] == 0)
#define done_all (w == NREC && ref_last == NREC)

/* The segment that holds record R now. */
inline segment_of(R, into) {
  into = base;
  do
  :: into < nseg && first[into + 1] <= R -> into++
  :: else -> break
  od
}

/* What must hold at every moment: what was trimmed is whole elsewhere, and the ref is sound. */
inline check_world() {
  r = 1;
  do
  :: r <= NREC ->
    if
    :: r <= rows ->
      assert(row[r] != 0);
      assert(in_commit[r] == 0 || r > ref_last || in_commit[r] == row[r]) /* one outcome everywhere */
    :: else
    fi;
    if
    :: r < first[base] -> assert(r <= w && r <= rows && file[r] == row[r] && r <= ref_last)
    :: else
    fi;
    r++
  :: else -> break
  od;
  assert(rows == w); /* the watermark rises with its rows and never without */
  assert(ref == 0 || (ref <= nbatch && b_last[ref] == ref_last)); /* known to the journal */
  r = 1;
  do
  :: r <= ref -> assert(ob[r] == b_last[r]); r++ /* the ref leads to objects that are there */
  :: else -> break
  od;
  r = 0
}

inline flush_all() {
  r = 1;
  do
  :: r <= NREC -> dec_dur[r] = (dec[r] != 0); r++
  :: else -> break
  od;
  nbatch_dur = nbatch
}

inline forget(P) {
  applier[P] = 0; folding[P] = 0; k[P] = 0; upto[P] = 0; d[P] = 0; carried[P] = 0; goal[P] = 0;
  c_ret[P] = 0; pc[P] = IDLE
}

proctype Process(byte me) {
  do
  :: kills == 0 && cuts == 0 && done_all && pc[me] == IDLE -> break

  /* -------- ApplyRole::apply_pending, Applier::try_step -------- */
  :: d_step { pc[me] == IDLE && apply_lock == 0 && (w < jend || fs < w || !applier[me]) ->
      apply_lock = me + 1;
      pc[me] = P_OPEN
    }
  :: d_step { pc[me] == P_OPEN -> /* open_applier, check_identity */
      if
      :: applier[me] -> pc[me] = P_STEP
      :: else ->
        if
        :: token -> applier[me] = 1; pc[me] = P_STEP
        :: else -> pc[me] = P_RECHECK
        fi
      fi
    }
  :: d_step { pc[me] == P_RECHECK -> /* recheck_after_cache_loss */
      MET(MET_RECHECK);
      flush_all();
      r = fs + 1;
      do
      :: r <= w ->
        if
        :: file[r] == 0 ->
          assert(r >= first[base]);
          printf("@ P%d writes the file of record %d again\n", me, r);
          MET(MET_REWRITTEN);
          file[r] = row[r]; file_dirty[r] = 1
        :: else
        fi;
        r++
      :: else -> break
      od;
      pc[me] = P_TOKEN
    }
  :: d_step { pc[me] == P_TOKEN -> token = 1; applier[me] = 1; pc[me] = P_STEP }
  :: d_step { pc[me] == P_STEP ->
      flush_all();
      if
      :: w == jend -> pc[me] = P_NEXT
      :: else ->
        assert(w_seg >= base); /* nobody reads on in a segment that was trimmed */
        pc[me] = P_DECIDE
      fi
    }
  :: atomic { pc[me] == P_DECIDE ->
      if
      :: dec[w + 1] != 0 -> d[me] = dec[w + 1]; MET(MET_OBEYED); pc[me] = P_FILE
      :: w < DECISIONS && dec[w + 1] == 0 && UNCOMMITTED ->
        printf("@ P%d must rebind record %d\n", me, w + 1);
        d[me] = 2;
#ifdef DECISION_NOT_JOURNALLED
        pc[me] = P_FILE
#else
        pc[me] = P_FRAME
#endif
      :: dec[w + 1] == 0 -> d[me] = 1; pc[me] = P_FILE
      fi
    }
  :: d_step { pc[me] == P_FRAME -> dec[w + 1] = d[me]; pc[me] = P_FLUSH }
  :: d_step { pc[me] == P_FLUSH -> 
#ifndef DECISION_ACTED_ON_UNFLUSHED
      flush_all();
#endif
      pc[me] = P_FILE
    }
#ifndef NOT_TAKEN_BACK
  :: d_step { pc[me] == P_FILE && file[w + 1] == 1 && d[me] == 2 -> /* the frame's own id is known */
      printf("@ P%d takes back the file of record %d that an earlier try wrote\n", me, w + 1);
      MET(MET_TAKEN_BACK);
      file[w + 1] = 0; file_d[w + 1] = 0; file_dirty[w + 1] = 0
    }
  :: d_step { pc[me] == P_FILE && !(file[w + 1] == 1 && d[me] == 2) ->
#else
  :: d_step { pc[me] == P_FILE ->
#endif
      printf("@ P%d writes the file of record %d\n", me, w + 1);
      assert(file[w + 1] == 0 || file[w + 1] == d[me]); /* no second effect of one record */
      if
      :: file[w + 1] == 0 -> file[w + 1] = d[me]; file_dirty[w + 1] = 1
      :: else
      fi;
      pc[me] = P_COMMIT
    }
  :: d_step { pc[me] == P_COMMIT ->
      printf("@ P%d commits row %d with its watermark\n", me, w + 1);
      pseg[w] = w_seg;
      w++;
      segment_of(w, x);
      w_seg = x;
#ifdef WATERMARK_OUTSIDE
      pc[me] = P_COMMIT_2
#else
      row[w] = d[me]; rows = w; pc[me] = P_NEXT
#endif
    }
  :: d_step { pc[me] == P_COMMIT_2 -> row[w] = d[me]; rows = w; pc[me] = P_NEXT }
  :: d_step { pc[me] == P_NEXT -> d[me] = 0; apply_lock = 0; pc[me] = IDLE }
  :: d_step { pc[me] == P_NEXT && fs < w -> d[me] = 0; c_ret[me] = P_NEXT; pc[me] = C_MARK }

  /* -------- Applier::checkpoint -------- */
  :: d_step { pc[me] == C_MARK ->
#ifndef CHECKPOINT_RETRY_BELIEVED
      if
      :: under_way -> /* syncs of an earlier one failed, perhaps unseen */
        MET(MET_WRITTEN_AGAIN);
        r = fs + 1;
        do
        :: r <= w -> file_dirty[r] = 1; r++
        :: else -> break
        od
      :: else
      fi;
#endif
      under_way = 1;
      pc[me] = C_FILES
    }
  :: d_step { pc[me] == C_FILES ->
      printf("@ P%d syncs the files\n", me);
#ifndef TRIM_BEFORE_FILES_SYNCED
      r = 1;
      do
      :: r <= NREC ->
        if
        :: file_dirty[r] -> file_d[r] = file[r]; file_dirty[r] = 0
        :: else
        fi;
        r++
      :: else -> break
      od;
#endif
      pc[me] = C_DATABASE
    }
  :: atomic { pc[me] == C_FILES && fails > 0 -> /* reads back well, is not on disk */
      printf("@ P%d syncing the files FAILS\n", me);
      MET(MET_CHECKPOINT_FAILED);
      fails--;
      cx = 1;
      do
      :: cx <= NREC -> file_dirty[cx] = 0; cx++
      :: cx > NREC -> break
      od;
      cx = 0;
      apply_lock = 0;
      if
      :: sync_lock == me + 1 -> sync_lock = 0
      :: sync_lock != me + 1
      fi;
      c_ret[me] = 0; carried[me] = 0; pc[me] = IDLE
    }
  :: d_step { pc[me] == C_DATABASE ->
      printf("@ P%d checkpoints and syncs the database\n", me);
#ifndef TRIM_BEFORE_DATABASE_SYNCED
      w_d = w; w_seg_d = w_seg; rows_d = rows; fs_d = fs; under_way_d = under_way;
#endif
      pc[me] = C_NOTE
    }
  :: d_step { pc[me] == C_NOTE -> fs = w; under_way = 0; pc[me] = c_ret[me]; c_ret[me] = 0 }

  /* -------- SyncRole::sync_pending, Committer::fold -------- */
  :: d_step { pc[me] == IDLE && sync_lock == 0 && (ref_last < w || ref < nbatch || base < nseg) ->
      sync_lock = me + 1;
      pc[me] = S_LOOK
    }
  :: atomic { pc[me] == S_LOOK -> /* Committer::refresh */
      flush_all(); carried[me] = ref_last;
      assert(ref == 0 || (ref <= nbatch && b_last[ref] == ref_last)); /* else kDisagree */
      if
      :: ref < nbatch && b_last[ref + 1] <= w -> /* redo_pending */
        printf("@ P%d folds a journalled batch again\n", me);
        MET(MET_REDONE);
        k[me] = ref + 1; upto[me] = b_last[ref + 1]; folding[me] = 0; pc[me] = S_OBJECTS
      :: ref < nbatch && b_last[ref + 1] > w -> /* its outcomes are not known yet */
        MET(MET_FOLD_WAITS);
        carried[me] = 0; sync_lock = 0; pc[me] = IDLE
      :: ref == nbatch && ref_last < w ->
        k[me] = ref + 1; folding[me] = 1;
        if
        :: upto[me] = ref_last + 1
        :: ref_last + 1 < w -> upto[me] = w
        fi;
        pc[me] = S_OBJECTS
      :: ref == nbatch && HELD_BY_REF && base < nseg && applier[me] -> pc[me] = T_LIMIT
      :: ref == nbatch && ref_last >= w -> carried[me] = 0; sync_lock = 0; pc[me] = IDLE
      fi
    }
  :: d_step { pc[me] == S_OBJECTS -> /* Committer::build, PackWriter::install */
      printf("@ P%d writes the objects of batch %d, up to record %d\n", me, k[me], upto[me]);
      r = ref_last + 1;
      assert(r >= first[base]); /* else the journal lacks records of the batch */
      do
      :: r <= upto[me] -> assert(rows >= r); in_commit[r] = row[r]; r++
      :: else -> break
      od;
      ob[k[me]] = upto[me];
#ifndef NO_KEEP
      keep[k[me]] = 1;
#endif
#ifdef FRAME_BEFORE_OBJECTS_DURABLE
      if
      :: folding[me] -> pc[me] = S_FRAME
      :: else -> pc[me] = S_REF
      fi
#else
      pc[me] = S_OBJECTS_SYNC
#endif
    }
  :: d_step { pc[me] == S_OBJECTS_SYNC ->
      ob_d[k[me]] = ob[k[me]];
      if
      :: folding[me] -> pc[me] = S_FRAME
      :: else -> pc[me] = S_REF
      fi
    }
  :: d_step { pc[me] == S_FRAME ->
      printf("@ P%d appends the batch frame\n", me);
#ifndef REF_BEFORE_BATCH_FRAME
      nbatch = k[me]; b_last[k[me]] = upto[me];
#endif
      pc[me] = S_FRAME_FLUSH
    }
  :: d_step { pc[me] == S_FRAME_FLUSH ->
#if !defined(REF_BEFORE_FRAME_DURABLE) && !defined(REF_BEFORE_BATCH_FRAME)
      flush_all();
#endif
      pc[me] = S_REF
    }
  :: d_step { pc[me] == S_REF -> /* RefStore::compare_and_swap, up to its rename */
      printf("@ P%d moves the ref to commit %d\n", me, k[me]);
      ref = k[me]; ref_last = upto[me];
      pc[me] = S_REF_DIR
    }
  :: d_step { pc[me] == S_REF_DIR -> /* its sync of the directory */
#ifdef REF_BEFORE_BATCH_FRAME
      if
      :: folding[me] -> nbatch = k[me]; b_last[k[me]] = upto[me]
      :: else
      fi;
#endif
      ref_d = ref; ref_last_d = ref_last; pc[me] = S_KEEP
    }
  :: d_step { pc[me] == S_KEEP -> keep[k[me]] = 0; k[me] = 0; upto[me] = 0; folding[me] = 0; pc[me] = S_LOOK }

  /* -------- SyncRole::trim_journal, Journal::trim -------- */
  :: d_step { pc[me] == T_LIMIT -> /* carried_mark, trimmable; then with_applier */
#ifdef TRIM_BEFORE_COMMIT
      carried[me] = w; /* what is applied, whatever the ref holds */
#endif
      q = w; x = w_seg; /* a mark lies before a record: where the next is read from stays */
      if
      :: carried[me] < w -> q = carried[me]; x = pseg[q]
      :: else
      fi;
      goal[me] = base;
      do
      :: goal[me] < nseg && first[goal[me] + 1] <= q + 1 && MAY_GO -> goal[me]++
      :: else -> break
      od;
      if
      :: goal[me] == base -> goal[me] = 0; carried[me] = 0; sync_lock = 0; pc[me] = IDLE
      :: else -> pc[me] = T_LOCK
      fi
    }
  :: d_step { pc[me] == T_LOCK && apply_lock == 0 ->
      apply_lock = me + 1;
      c_ret[me] = T_CHECKED; pc[me] = C_MARK
    }
  :: d_step { pc[me] == T_CHECKED ->
      apply_lock = 0;
      if
      :: fs < first[goal[me]] - 1 || w < first[goal[me]] - 1 ->
        goal[me] = 0; carried[me] = 0; sync_lock = 0; pc[me] = IDLE
#ifdef NO_REF_SYNC_BEFORE_TRIM
      :: else -> pc[me] = T_BASE
#else
      :: else -> pc[me] = T_REF_SYNC
#endif
      fi
    }
  :: d_step { pc[me] == T_REF_SYNC ->
      /* Who moved the ref may have died before it was durable. */
      ref_d = ref; ref_last_d = ref_last; flush_all(); pc[me] = T_BASE
    }
  :: d_step { pc[me] == T_BASE ->
      printf("@ P%d trims the journal: it begins with segment %d\n", me, goal[me]);
      MET(MET_TRIMMED);
      assert(w_seg >= goal[me]);
      base = goal[me]; goal[me] = 0; carried[me] = 0; sync_lock = 0; pc[me] = IDLE
    }
  od
}

proctype World() {
  do
  :: kills == 0 && cuts == 0 && done_all -> MET(MET_ALL_DONE); break

  :: d_step { jend < NREC -> jend++; printf("@ -- record %d is acknowledged\n", jend) }
  :: d_step { nseg < NSEG + (ABANDONS - abandons) && jend >= first[nseg] ->
      nseg++; first[nseg] = jend + 1; printf("@ -- the journal goes on in segment %d\n", nseg)
    }
  :: d_step { gcs > 0 && ob[ref + 1] != 0 && !keep[ref + 1] ->
      printf("@ -- git gc --prune=now\n");
      MET(MET_GC);
      gcs--; ob[ref + 1] = 0; ob_d[ref + 1] = 0
    }
  :: atomic { kills > 0 ->
      if
      :: pc[0] != IDLE || applier[0] -> victim = 0
      :: pc[1] != IDLE || applier[1] -> victim = 1
      fi;
      TALLY_KILL;
      printf("@ -- P%d is killed\n", victim);
      kills--;
      if
      :: apply_lock == victim + 1 -> apply_lock = 0
      :: apply_lock != victim + 1
      fi;
      if
      :: sync_lock == victim + 1 -> sync_lock = 0
      :: sync_lock != victim + 1
      fi;
      cx = victim; forget(cx); cx = 0; victim = 0
    }
  :: atomic { cuts > 0 ->
      TALLY_CUT;
      printf("@ -- power cut\n");
      cuts--;
      if
      :: pc[0] == P_RECHECK || pc[0] == P_TOKEN || pc[1] == P_RECHECK || pc[1] == P_TOKEN -> MET(MET_SECOND_CUT)
      :: else
      fi;
      /* SQLite: a prefix of its transactions, not below its last sync. */
      do
      :: w_d < w && rows_d < rows -> w_d++; rows_d++; segment_of(w_d, x); w_seg_d = x
      :: w_d < w && rows_d == rows -> w_d++
      :: fs_d < fs && fs <= w_d -> fs_d = fs
      :: under_way_d != under_way -> under_way_d = under_way
      :: break
      od;
      if
      :: w_d < w -> MET(MET_DATABASE_BEHIND)
      :: w_d >= w
      fi;
      cx = 1;
      do /* files */
      :: cx <= NREC && file_dirty[cx] ->
        if
        :: file_d[cx] = file[cx]
        :: file_d[cx] = 0; printf("@ --   loses the file of record %d\n", cx);
          if
          :: cx <= w_d -> MET(MET_DATABASE_AHEAD_OF_FILES)
          :: cx > w_d
          fi
        fi;
        cx++
      :: cx <= NREC && !file_dirty[cx] -> cx++
      :: cx > NREC -> break
      od;
      cx = 1;
      do /* objects */
      :: cx <= NREC + 1 && ob[cx] != ob_d[cx] ->
        if
        :: ob_d[cx] = ob[cx]
        :: printf("@ --   loses the objects of batch %d\n", cx)
        fi;
        cx++
      :: cx <= NREC + 1 && ob[cx] == ob_d[cx] -> cx++
      :: cx > NREC + 1 -> break
      od;
      if /* the ref */
      :: ref != ref_d -> ref_d = ref; ref_last_d = ref_last
      :: ref != ref_d -> MET(MET_REF_BEHIND); printf("@ --   the ref is at commit %d again\n", ref_d)
      :: ref == ref_d
      fi;
      if /* the batch frame */
      :: nbatch != nbatch_dur -> nbatch_dur = nbatch
      :: nbatch != nbatch_dur -> MET(MET_FRAME_LOST); printf("@ --   loses the batch frame\n")
      :: nbatch == nbatch_dur
      fi;
      cx = 1;
      do /* decisions */
      :: cx <= NREC && dec[cx] != 0 && !dec_dur[cx] ->
        if
        :: dec_dur[cx] = 1
        :: dec[cx] = 0; printf("@ --   loses the decision about record %d\n", cx)
        fi;
        cx++
      :: cx <= NREC && (dec[cx] == 0 || dec_dur[cx]) -> cx++
      :: cx > NREC -> break
      od;
      cx = 0;
      if /* a flush mark that outlived the cut: recovery carries the last segment over */
      :: abandons > 0 && jend >= first[nseg] ->
        abandons--; nseg++; first[nseg] = first[nseg - 1]; MET(MET_ABANDONED);
        printf("@ --   recovery carries everything of segment %d over\n", nseg - 1)
      :: skip
      fi;
      if
      :: base > 1 -> MET(MET_CUT_AFTER_TRIM)
      :: base <= 1
      fi;
      cx = 0;
      d_step {
        w = w_d; w_seg = w_seg_d; rows = rows_d; fs = fs_d; under_way = under_way_d;
        ref = ref_d; ref_last = ref_last_d; nbatch = nbatch_dur; token = 0;
        r = 1;
        do
        :: r <= NREC ->
          if
          :: r > rows -> row[r] = 0
          :: else
          fi;
          file[r] = file_d[r]; file_dirty[r] = 0;
          if
          :: r > ref_last -> in_commit[r] = 0
          :: else
          fi;
          r++
        :: else -> break
        od;
        r = 1;
        do
        :: r <= NREC + 1 ->
          ob[r] = ob_d[r]; keep[r] = 0;
          if
          :: r > nbatch -> b_last[r] = 0
          :: else
          fi;
          r++
        :: else -> break
        od;
        apply_lock = 0; sync_lock = 0;
        forget(0); forget(1);
        check_world()
      }
    }
  od;
  atomic {
    check_world();
    r = 1;
    do
    :: r <= NREC -> assert(row[r] != 0 && in_commit[r] == row[r]); r++
    :: else -> break
    od
  }
}

init {
  atomic {
    base = 1; nseg = 1; first[1] = 1; w_seg = 1; w_seg_d = 1; token = 1; jend = 1;
    pc[0] = IDLE; pc[1] = IDLE;
    run Process(0); run Process(1); run World()
  }
}
