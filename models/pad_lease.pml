/* Pads with two-witness leases: one direction of a Q-link, its sender, its receiver, and what may befall them.
 *
 * The rules P1 and P2 of docs/reference/invariants.md: no octet is a pad twice, though a side crashes, is set back to a
 * backup, is copied and started beside itself, or is stopped and goes on later. Whatever is not scheduled here is
 * paused, so a pause needs no step of its own.
 *
 * The network is a set of messages: what was ever sent may arrive at any time, any number of times, or never. That is
 * loss, duplication and reordering without a bound. A queue would hide some of it, and `??` takes the oldest match only.
 *
 * Only one side may be set back or copied; the other may crash, and then keeps what is durable. LOST_BOTH shows why.
 * Each macro of tests/models/test_models.py plants one bug; the model must then fail.
 */

#define UNITS    6                    /* of the direction; a unit stands for some octets */
#define LEASE    2                    /* units a lease: two, so that a lease can be half spent */
#define SLOTS    3                    /* UNITS / LEASE: where a lease may begin */
#define LIVES    3                    /* starts of a sender's process, over original and copy */
#define NOBODY   LIVES                /* no life */
#ifndef CRASHES
#define CRASHES  1                    /* of anybody */
#endif
#define BACKUPS  1
#ifdef LOST_BOTH
#define RESTORES 2
#else
#define RESTORES 1
#endif
#define ORIGINAL 0
#define COPY     1

#define MESSAGE(holder, unit) ((holder) * (SLOTS + 1) + (unit) / LEASE)
#define MESSAGES (LIVES * (SLOTS + 1))

/* An option of a loop for each message; `select` would say it shorter, and take ten times as long. */
#define FOR_EACH_LIFE(OPTION, unit) OPTION(0, unit) OPTION(1, unit) OPTION(2, unit)
#define FOR_EACH_MESSAGE(OPTION) \
    FOR_EACH_LIFE(OPTION, 0) FOR_EACH_LIFE(OPTION, 2) FOR_EACH_LIFE(OPTION, 4) FOR_EACH_LIFE(OPTION, 6)

/* --- what is durable ------------------------------------------------------------------------------------------- */
typedef Directory {                   /* of a sender: its witness */
    byte mark;                        /* the end of the last lease that it logged */
    byte incarnation                  /* of its latest start */
}
Directory directory[2];
bool exists[2];

typedef Ledger {                      /* of the receiver: the other witness */
    byte granted;                     /* the end of the last lease that it granted */
    byte seen;                        /* the highest incarnation it has served, or told a sender to take */
    byte life;                        /* whose that was: the nonce of the request */
    byte asked;                       /* the mark in that request */
    byte answered                     /* where the lease began that it got */
}
Ledger durable;

/* --- what a crash loses ---------------------------------------------------------------------------------------- */
bool alive[2];
byte life[2];                         /* drawn at each start: stands for a random nonce of 128 bits */
byte number[2];                       /* the incarnation that the process goes by */
bool fresh[2];                        /* it has had no lease yet */
byte mark[2];                         /* the end of its latest lease */
byte next[2];                         /* the rest of the lease: [next, end) */
byte end[2];
Ledger ledger;                        /* the receiver's copy in memory */

/* --- the network: which messages were ever sent, and what they say ----------------------------------------------- */
bool first[MESSAGES];                 /* asks of a life that has had no lease yet */
bool later[MESSAGES];                 /* asks of a life that has */
bool answer[MESSAGES];
byte started[LIVES + 1];              /* the incarnation in a life's first asks */
byte told[LIVES + 1];                 /* the incarnation in the answers to it, and in its later asks */

/* --- what an onlooker sees ----------------------------------------------------------------------------------------- */
bool used[UNITS];                     /* by the wiretap */
bool superseded[LIVES + 1];           /* another life was served after it */
byte served = NOBODY;                 /* the life that was served last */
bool alarm;

/* --- faults ---------------------------------------------------------------------------------------------------------- */
bool sender_may_lie;                  /* it may be set back, copied, and run beside its copy */
bool receiver_may_lie;                /* it may be set back */
Directory backup_of_sender;
Ledger backup_of_receiver;
byte lives;                           /* started so far */
byte backups;
byte restores;
byte crashes;

/* --- the receiver ------------------------------------------------------------------------------------------------------ */
inline answer_with(from) {
    answer[MESSAGE(who, from)] = true;
    told[who] = ledger.seen;
    /* Nobody is served again after another was, unless an alarm was raised. A receiver set back has forgotten it. */
    assert(alarm || receiver_may_lie || !superseded[who]);
    if
    :: served != NOBODY && served != who -> superseded[served] = true
    :: else -> skip
    fi;
    served = who
}

inline grant(by_number) {
#ifdef RECEIVER_MARK_IGNORED
    start = wanted;
#else
#ifdef SENDER_MARK_IGNORED
    start = ledger.granted;
#else
    start = (wanted > ledger.granted -> wanted : ledger.granted);
#endif
#endif
    if
    :: start + LEASE <= UNITS ->
        ledger.granted = start + LEASE;
        ledger.seen = by_number;
        ledger.life = who;
        ledger.asked = wanted;
        ledger.answered = start;
#ifndef ANSWERED_BEFORE_DURABLE
        save_ledger();
#endif
        answer_with(start)
    :: else -> skip                   /* nothing left to grant */
    fi;
    start = 0
}

inline save_ledger() {
    durable.granted = ledger.granted;
    durable.seen = ledger.seen;
    durable.life = ledger.life;
    durable.asked = ledger.asked;
    durable.answered = ledger.answered
}

inline load_ledger() {
    ledger.granted = durable.granted;
    ledger.seen = durable.seen;
    ledger.life = durable.life;
    ledger.asked = durable.asked;
    ledger.answered = durable.answered
}

#ifdef REPEAT_TO_ANYBODY
#define IS_REPEAT (ledger.life != NOBODY && ledger.asked == wanted)
#else
#define IS_REPEAT (ledger.life == who && ledger.asked == wanted)
#endif

inline serve() {
    if
    :: IS_REPEAT -> answer_with(ledger.answered)
    :: ledger.life == who -> grant(ledger.seen)
#ifdef INCARNATION_IGNORED
    :: ledger.life != who -> grant(shown)
#else
    :: ledger.life != who && shown > ledger.seen && !IS_REPEAT ->
        grant(shown)
    :: ledger.life != who && shown <= ledger.seen && is_first && !IS_REPEAT ->
        alarm = true;                 /* a restored old copy: it goes on, above all marks, by a number of its own */
        grant(ledger.seen + 1)
    :: ledger.life != who && shown <= ledger.seen && !is_first && !IS_REPEAT ->
        alarm = true                  /* a zombie: it gets nothing */
#endif
    fi
}

#define RECEIVE(holder, unit) \
    :: first[MESSAGE(holder, unit)] -> who = holder; wanted = unit; shown = started[holder]; is_first = true \
    :: later[MESSAGE(holder, unit)] -> who = holder; wanted = unit; shown = told[holder]

active proctype Receiver()
{
    byte who;
    byte wanted;
    byte shown;
    byte start;
    bool is_first;
end_receiving:
    do
    :: atomic {
        if
        FOR_EACH_MESSAGE(RECEIVE)
        fi;
        serve();
        who = 0; wanted = 0; shown = 0; is_first = false
       }
#ifdef ANSWERED_BEFORE_DURABLE
    :: atomic { durable.granted != ledger.granted -> save_ledger() }
#endif
    :: atomic {                       /* crash and start again */
        crashes < CRASHES -> crashes++; load_ledger()
       }
    :: atomic { receiver_may_lie && backups < BACKUPS -> backups++;
        backup_of_receiver.granted = durable.granted;
        backup_of_receiver.seen = durable.seen;
        backup_of_receiver.life = durable.life;
        backup_of_receiver.asked = durable.asked;
        backup_of_receiver.answered = durable.answered
       }
    :: atomic { receiver_may_lie && restores < RESTORES -> restores++;
        durable.granted = backup_of_receiver.granted;
        durable.seen = backup_of_receiver.seen;
        durable.life = backup_of_receiver.life;
        durable.asked = backup_of_receiver.asked;
        durable.answered = backup_of_receiver.answered;
        load_ledger()
       }
    od
}

/* --- the sender ---------------------------------------------------------------------------------------------------------- */
inline lose_memory(me) {
    alive[me] = false; life[me] = NOBODY; number[me] = 0; fresh[me] = false; mark[me] = 0; next[me] = 0;
    end[me] = 0
}

inline restore_sender(me) {
    directory[me].mark = backup_of_sender.mark;
    directory[me].incarnation = backup_of_sender.incarnation
}

#ifdef ANSWER_OF_ANOTHER_TAKEN
#define MINE(holder) (holder < lives)
#else
#define MINE(holder) (holder == life[me])
#endif
#if defined(STALE_ANSWER_TAKEN) || defined(SENDER_MARK_IGNORED)
#define ABOVE_MARK(unit) true
#else
#define ABOVE_MARK(unit) (unit >= mark[me])
#endif

#ifdef USED_BEFORE_DURABLE
#define LOG_LEASE skip
#else
#define LOG_LEASE directory[me].mark = mark[me]
#endif

inline take() {
    mark[me] = start + LEASE;
    directory[me].incarnation = told[who];
    LOG_LEASE;
    number[me] = told[who];
    fresh[me] = false;
    next[me] = start;
    end[me] = start + LEASE
}

#define TAKE(holder, unit) \
    :: alive[me] && answer[MESSAGE(holder, unit)] && MINE(holder) && ABOVE_MARK(unit) -> who = holder; start = unit

proctype Sender(byte me)
{
    byte who;
    byte start;
end_sending:
    do
    :: atomic { exists[me] && !alive[me] && lives < LIVES ->
        alive[me] = true;
        life[me] = lives;
        lives++;
        directory[me].incarnation++;  /* durable before anything is sent */
        number[me] = directory[me].incarnation;
        started[life[me]] = number[me];
        mark[me] = directory[me].mark;
        fresh[me] = true;
#ifdef REST_USED_AGAIN
        if
        :: directory[me].mark >= LEASE -> next[me] = directory[me].mark - LEASE; end[me] = directory[me].mark
        :: else -> skip
        fi
#endif
       }
    :: atomic { alive[me] ->          /* ask, or ask again */
        if
        :: fresh[me] -> first[MESSAGE(life[me], mark[me])] = true
        :: else -> later[MESSAGE(life[me], mark[me])] = true
        fi
       }
    :: atomic {
        if
        FOR_EACH_MESSAGE(TAKE)
        fi;
        take();
        who = 0; start = 0
       }
    :: atomic { alive[me] && next[me] < end[me] -> /* encrypt: a new plaintext each time; a retry sends the same frame */
        assert(!used[next[me]]);
        used[next[me]] = true;
        next[me]++
       }
#ifdef USED_BEFORE_DURABLE
    :: atomic { alive[me] && directory[me].mark != mark[me] -> directory[me].mark = mark[me] }
#endif
    :: atomic { alive[me] && crashes < CRASHES -> crashes++; lose_memory(me) }
    :: atomic { sender_may_lie && me == ORIGINAL && backups < BACKUPS -> backups++;
        backup_of_sender.mark = directory[me].mark;
        backup_of_sender.incarnation = directory[me].incarnation
       }
    :: atomic { sender_may_lie && me == ORIGINAL && restores < RESTORES -> restores++;
        lose_memory(me);
        restore_sender(me)
       }
    :: atomic { sender_may_lie && me == COPY && !exists[me] && restores < RESTORES -> restores++;
        exists[me] = true;            /* a copy of a backup, to be started while the original may live on */
        restore_sender(me)
       }
    od
}

init {
    atomic {
        exists[ORIGINAL] = true;
        life[ORIGINAL] = NOBODY;
        life[COPY] = NOBODY;
        ledger.life = NOBODY;
        durable.life = NOBODY;
        backup_of_receiver.life = NOBODY;
#ifdef LOST_BOTH
        sender_may_lie = true;
        receiver_may_lie = true;
#else
        if
#ifndef USED_BEFORE_DURABLE           /* which shows when the receiver is set back: the search is shorter so */
        :: sender_may_lie = true
#endif
#ifndef ANSWERED_BEFORE_DURABLE       /* and this one when the sender is */
        :: receiver_may_lie = true
#endif
        fi;
#endif
        run Sender(ORIGINAL);
        run Sender(COPY)
    }
}
