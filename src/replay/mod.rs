//! Recorded decisions made again by other rules, from the ledger and the stored facts alone.
