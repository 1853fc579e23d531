//! Password guesses are slowed: refused per address, and merely delayed per account, so that nobody can lock another out.

use std::net::IpAddr;
use std::time::Duration;

use cube_sdk_core::Clock;

use crate::cloud::visitors::{Buckets, Place};

/// Wrong guesses that an address has at once, and how often one more.
const OF_ADDRESS: (u32, Duration) = (20, Duration::from_secs(30));
/// Wrong guesses that an address has at one account.
const OF_BOTH: (u32, Duration) = (5, Duration::from_secs(60));
/// Wrong guesses at one account, from anywhere, before each further one is delayed.
const OF_ACCOUNT: (u32, Duration) = (1000, Duration::from_secs(30));
const FREE_OF_ACCOUNT: f64 = 10.0;
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(2);

pub(crate) struct Guesses {
    by_address: Buckets<Place>,
    by_both: Buckets<(Place, String)>,
    by_account: Buckets<String>,
}

impl Guesses {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            by_address: Buckets::new(clock, OF_ADDRESS.0, OF_ADDRESS.1),
            by_both: Buckets::new(clock, OF_BOTH.0, OF_BOTH.1),
            by_account: Buckets::new(clock, OF_ACCOUNT.0, OF_ACCOUNT.1),
        }
    }

    /// Counts a guess before it is looked at, so that many at once are as slow as many in turn. How long to wait before
    /// looking at it.
    ///
    /// # Errors
    /// This address has guessed too often: how long until it may again.
    pub(crate) fn count(&self, address: IpAddr, account: &str) -> Result<Duration, Duration> {
        let place = Place::of(address);
        self.by_address.take(place)?;
        self.by_both.take((place, account.to_owned()))?;
        let spent = self.by_account.spent(&account.to_owned());
        // A full bucket is no reason to refuse: it only holds no more.
        self.by_account.take(account.to_owned()).ok();
        Ok(LONGEST.min(Duration::from_millis(100).mul_f64((spent - FREE_OF_ACCOUNT).max(0.0))))
    }

    /// The guess was right: what this address and this account have spent together is forgotten.
    pub(crate) fn right(&self, address: IpAddr, account: &str) {
        let place = Place::of(address);
        self.by_both.forget(&(place, account.to_owned()));
        self.by_address.forget(&place);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use cube_sdk_core::Timestamp;

    use super::*;

    fn guesses() -> Guesses {
        Guesses::new(Clock::following_tokio(Timestamp::from_millisecond(0)))
    }

    fn address(last: u16) -> IpAddr {
        IpAddr::from([192, 0, (last >> 8) as u8, last as u8])
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_refused_after_five_guesses_at_one_account() {
        let guesses = guesses();
        for _ in 0..5 {
            assert_eq!(guesses.count(address(1), "ann"), Ok(Duration::ZERO));
        }
        let wait = guesses.count(address(1), "ann").unwrap_err();
        assert!(wait > Duration::from_secs(50), "{wait:?}");
        assert_eq!(guesses.count(address(1), "bob"), Ok(Duration::ZERO), "another account");
        assert_eq!(guesses.count(address(2), "ann"), Ok(Duration::ZERO), "another address");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_tries_many_accounts_is_refused() {
        let guesses = guesses();
        let refused = (0..40).position(|at| guesses.count(address(1), &format!("user-{at}")).is_err());
        assert_eq!(refused, Some(20));
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_under_attack_is_slow_but_never_locked() {
        let guesses = guesses();
        for at in 0..3000 {
            guesses.count(address(at), "ann").unwrap();
        }
        let wait = guesses.count(address(60_000), "ann").unwrap();
        assert_eq!(wait, LONGEST);
        assert_eq!(guesses.count(address(60_000), "bob"), Ok(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_guess_is_a_new_start() {
        let guesses = guesses();
        for _ in 0..12 {
            for _ in 0..4 {
                guesses.count(address(1), "ann").unwrap();
            }
            guesses.right(address(1), "ann");
        }
    }
}
