//! Every promise of the record, broken on purpose: kills, full and failing disks, power cuts, and
//! two processes at once, against the real program.
//!
//! `OTKEL_KILLS=5000 cargo test --test faults kill` kills it that many times at random moments;
//! `OTKEL_SEED` repeats a run whose seed was printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "../support/application.rs"]
mod application;
#[path = "../support/fault.rs"]
mod fault;
#[path = "../support/letter.rs"]
mod letter;
#[path = "../support/serve.rs"]
mod serve;
#[path = "../support/tls.rs"]
mod tls;

mod dice;
mod disk;
mod kill;
mod partner;
mod power;
mod together;
mod record;
mod work;
