//! What waits to be recorded: bounded, many producers, one consumer that takes whole batches.
//!
//! Invariant: every job is answered, at the latest when it is dropped.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Instant;

use tokio::sync::oneshot;

use super::recorder::{Append, Position, Unrecorded};

/// How an append was answered.
pub(super) type Answer = Result<Position, Unrecorded>;

/// One append and whom to answer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) append: Append,
    pub(super) reply: Reply,
}

/// Whom to answer. One that is dropped unanswered answers [`Unrecorded::Stopped`].
#[derive(Debug)]
pub(super) struct Reply(Option<To>);

#[derive(Debug)]
enum To {
    Task(oneshot::Sender<Answer>),
    Thread(usize, mpsc::Sender<(usize, Answer)>),
}

impl Reply {
    /// A task that waits for this one.
    pub(super) const fn task(task: oneshot::Sender<Answer>) -> Self {
        Self(Some(To::Task(task)))
    }

    /// A thread that waits for many, of which this has a number.
    pub(super) const fn thread(number: usize, thread: mpsc::Sender<(usize, Answer)>) -> Self {
        Self(Some(To::Thread(number, thread)))
    }

    pub(super) fn send(mut self, answer: Answer) {
        self.answer(answer);
    }

    /// A waiter that is gone is no failure.
    fn answer(&mut self, answer: Answer) {
        match self.0.take() {
            Some(To::Task(task)) => drop(task.send(answer)),
            Some(To::Thread(number, thread)) => drop(thread.send((number, answer))),
            None => {}
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.answer(Err(Unrecorded::Stopped));
    }
}

/// What the consumer got.
#[derive(Debug)]
pub(super) enum Taken {
    /// Jobs, at least one.
    Jobs(Vec<Job>),
    /// Nothing came in time.
    Nothing,
    /// Nothing is left and nothing will come.
    Closed,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    jobs_max: usize,
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Debug)]
struct State {
    jobs: VecDeque<Job>,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Open,
    Stopped,
    Closed,
}

impl Queue {
    pub(super) fn new(jobs_max: usize) -> Self {
        let state = State { jobs: VecDeque::new(), mode: Mode::Open };
        let (filled, drained) = (Condvar::new(), Condvar::new());
        Self { jobs_max, state: Mutex::new(state), filled, drained }
    }

    /// Takes a job in, or answers it at once.
    pub(super) fn push(&self, job: Job) {
        let mut state = self.state();
        let refusal = match state.mode {
            Mode::Open if state.jobs.len() < self.jobs_max => None,
            Mode::Open => Some(Unrecorded::Busy),
            Mode::Stopped | Mode::Closed => Some(Unrecorded::Stopped),
        };
        match refusal {
            None => self.take_in(&mut state, job),
            Some(refusal) => {
                drop(state);
                job.reply.send(Err(refusal));
            }
        }
    }

    /// Takes a job in as soon as there is room.
    pub(super) fn push_waiting(&self, job: Job) {
        let full =
            |state: &mut State| state.mode == Mode::Open && state.jobs.len() >= self.jobs_max;
        let waited = self.drained.wait_while(self.state(), full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.mode == Mode::Open {
            self.take_in(&mut state, job);
        } else {
            drop(state);
            drop(job);
        }
    }

    /// Gives up to `max` jobs as soon as there are any, or nothing at `until`.
    pub(super) fn take(&self, max: usize, until: Instant) -> Taken {
        let timeout = until.saturating_duration_since(Instant::now());
        let idle = |state: &mut State| state.jobs.is_empty() && state.mode != Mode::Closed;
        let waited = self.filled.wait_timeout_while(self.state(), timeout, idle);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.jobs.is_empty() {
            return if state.mode == Mode::Closed { Taken::Closed } else { Taken::Nothing };
        }
        let count = state.jobs.len().min(max);
        let jobs = state.jobs.drain(..count).collect();
        drop(state);
        self.drained.notify_all();
        Taken::Jobs(jobs)
    }

    /// Refuses what waits and what comes, until [`Self::resume`].
    pub(super) fn stop(&self) {
        self.refuse_all(Mode::Stopped);
    }

    /// Takes jobs in again.
    pub(super) fn resume(&self) {
        let mut state = self.state();
        if state.mode == Mode::Stopped {
            state.mode = Mode::Open;
        }
    }

    /// Takes no more in; what waits is still given out.
    pub(super) fn close(&self) {
        self.state().mode = Mode::Closed;
        self.filled.notify_all();
        self.drained.notify_all();
    }

    /// Refuses what waits and what comes, for ever.
    pub(super) fn abandon(&self) {
        self.refuse_all(Mode::Closed);
    }

    /// Whether jobs are refused because the recorder stopped.
    pub(super) fn is_stopped(&self) -> bool {
        self.state().mode == Mode::Stopped
    }

    /// The number of jobs that wait.
    pub(super) fn len(&self) -> usize {
        self.state().jobs.len()
    }

    fn refuse_all(&self, mode: Mode) {
        let mut state = self.state();
        if state.mode != Mode::Closed {
            state.mode = mode;
        }
        let refused = std::mem::take(&mut state.jobs);
        drop(state);
        self.drained.notify_all();
        drop(refused);
    }

    fn take_in(&self, state: &mut State, job: Job) {
        state.jobs.push_back(job);
        if state.jobs.len() == 1 {
            self.filled.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses all that waits when the consumer ends, however it ends.
pub(super) struct AbandonAtEnd(pub(super) std::sync::Arc<Queue>);

impl Drop for AbandonAtEnd {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
