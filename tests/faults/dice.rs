//! Numbers that look random and can be had again: the seed is printed.

use std::time::Duration;

/// Steele, Lea and Flood's generator of 64 bits, split-mix.
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice with the seed in `OTKEL_SEED`, or with a new one.
    pub(crate) fn new(what: &str) -> Self {
        let given = std::env::var("OTKEL_SEED").ok().map(|seed| seed.parse().unwrap());
        let seed = given.unwrap_or_else(|| getrandom::u64().unwrap());
        println!("{what}: OTKEL_SEED={seed}");
        Self(seed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// Dice for somebody else, from a seed that these have rolled.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }

    /// Whether something with a chance of one in `n` happens.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A time below `millis`, to the microsecond.
    pub(crate) fn time(&mut self, millis: u64) -> Duration {
        Duration::from_micros(self.below(millis * 1000))
    }
}
