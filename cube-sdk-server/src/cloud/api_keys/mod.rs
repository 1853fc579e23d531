//! API keys: minted, looked up by hash, and remembered for seconds.

mod administered;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::cached::{Cached, Fresh};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Clock, Result, SecretString};
use sha2::{Digest, Sha256};

#[cfg(feature = "oidc")]
pub(crate) use administered::checked;
pub(crate) use administered::folded;
pub use administered::{CreatedKey, ListedKey};

use super::counted::Counted;
use super::profiles::{Caller, Profiles};
use crate::random;
use crate::store::cloud::{Hash, Holder, Keeping, NewKey};
use crate::store::{Id, Time};

/// The family prefix of keys.
const PREFIX: &str = "cube_";
/// How much of a key is kept in the clear, for people.
const SHOWN: usize = 10;
/// How long a key that was good is taken for good.
const GOOD: Duration = Duration::from_secs(3);
/// How long a key that was refused is refused without a look.
const BAD: Duration = Duration::from_secs(1);
/// How many look-ups are remembered at most.
const REMEMBERED: usize = 8192;

/// A key that was just made; the plaintext is shown this once.
pub(crate) struct Minted {
    pub(crate) row: NewKey,
    pub(crate) plaintext: SecretString,
}

/// Makes a key. It is not stored yet.
pub(crate) fn mint(owner: &str, label: &str, expires_at: Option<Time>) -> Result<Minted> {
    let plaintext = SecretString::from(format!("{PREFIX}{}", random::url_safe()?.expose_secret()));
    let text = plaintext.expose_secret();
    let row = NewKey {
        id: Id::random(),
        hash: hash(text),
        prefix: text.get(..SHOWN).unwrap_or_default().to_owned(),
        owner: owner.to_owned(),
        label: label.to_owned(),
        expires_at,
    };
    Ok(Minted { row, plaintext })
}

/// What something secret is kept as: 256 random bits need no salt.
pub(crate) fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// Whom keys belong to. Look-ups are cached: a good one for 3 s, a refused one for 1 s, so that every process notices a
/// revocation within that.
pub(crate) struct Keys {
    store: Arc<dyn Keeping>,
    clock: Clock,
    profiles: Profiles,
    counted: Counted,
    known: Mutex<HashMap<Hash, Cached<Option<Holder>>>>,
}

impl Keys {
    pub(crate) fn new(store: Arc<dyn Keeping>, clock: Clock, profiles: Profiles, counted: Counted) -> Self {
        Self { store, clock, profiles, counted, known: Mutex::default() }
    }

    /// Who has this key; none when it is unknown, revoked, expired, or its owner has no profile.
    pub(crate) async fn caller(&self, key: &SecretString) -> Result<Option<Caller>> {
        let text = key.expose_secret();
        if !text.strip_prefix(PREFIX).is_some_and(random::is_url_safe) {
            self.counted.key("malformed");
            return Ok(None);
        }
        let found = self.caller_by_hash(hash(text)).await;
        self.counted.key(match &found {
            Ok(Some(_)) => "good",
            Ok(None) => "refused",
            Err(_) => "failed",
        });
        found
    }

    /// As [`Self::caller`], for one who came in before.
    pub(crate) async fn caller_by_hash(&self, hash: Hash) -> Result<Option<Caller>> {
        let (store, clock, counted) = (Arc::clone(&self.store), self.clock, self.counted.clone());
        let look = || async move {
            counted.key("looked_up");
            let now = clock.now();
            let holder = store.cloud_holder(&hash, Time::from(now)).await?;
            let end = now.saturating_add(if holder.is_some() { GOOD } else { BAD });
            let expiry = holder.as_ref().and_then(|holder| holder.expires_at);
            Ok(Fresh::new(holder, Some(expiry.map_or(end, |expiry| expiry.0.min(end)))))
        };
        let Some(holder) = self.cell(hash).get(look).await? else { return Ok(None) };
        // Groups are as stored now, profiles as configured.
        let profile = self.profiles.of(&holder.groups).map(Arc::clone);
        Ok(profile.map(|profile| Caller::new(hash, holder.key, &holder.owner, &holder.prefix, profile)))
    }

    fn cell(&self, hash: Hash) -> Cached<Option<Holder>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(&hash) {
            known.retain(|_, cell| !cell.is_idle());
            if known.len() >= REMEMBERED {
                // Whoever makes keys up can make up any number of them.
                known.retain(|_, cell| !matches!(cell.peek(), Some(None)));
            }
            if known.len() >= REMEMBERED {
                return Cached::new(self.clock);
            }
        }
        known.entry(hash).or_insert_with(|| Cached::new(self.clock)).clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::cloud::CloudSettings;
    use crate::store::Store;

    struct Bench {
        keys: Keys,
        store: Store,
        clock: Clock,
        dir: tempfile::TempDir,
    }

    /// Real connections and a paused clock do not go together: times move by sleeping, and tokio's clock is paused only
    /// after the database is open.
    async fn bench() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("db")).await.unwrap();
        let clock = Clock::following_tokio(cube_sdk_core::Timestamp::from_millisecond(1_000_000));
        let settings = CloudSettings::from_yaml("url: http://x\nprofiles: { admin: { groups: [admin] } }").unwrap();
        let keys =
            Keys::new(Arc::new(store.clone()), clock, settings.profiles, Counted::new(&crate::metrics::Metrics::new()));
        Bench { keys, store, clock, dir }
    }

    impl Bench {
        fn now(&self) -> Time {
            Time::from(self.clock.now())
        }

        async fn key(&self, owner: &str, groups: &[&str], expires_at: Option<Time>) -> Minted {
            let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
            self.store.keep_cloud_user(owner, &groups, None, self.now()).await.unwrap();
            let minted = mint(owner, "test", expires_at).unwrap();
            self.store.keep_cloud_key(&minted.row, self.now()).await.unwrap();
            minted
        }

        async fn later(&self, by: Duration) {
            tokio::time::pause();
            tokio::time::advance(by).await;
            tokio::time::resume();
        }
    }

    #[tokio::test]
    async fn only_the_hash_is_kept() {
        let bench = bench().await;
        let minted = bench.key("ann", &["admin"], None).await;
        let text = minted.plaintext.expose_secret();
        assert!(text.len() == 48 && text.starts_with("cube_") && minted.row.prefix == text[..10]);
        let caller = bench.keys.caller(&minted.plaintext).await.unwrap().unwrap();
        assert_eq!((caller.owner(), caller.profile().name.as_str()), ("ann", "admin"));
        bench.store.close().await;
        let needle = &text.as_bytes()[10..];
        for entry in std::fs::read_dir(bench.dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(needle.len()).any(|window| window == needle));
        }
    }

    #[tokio::test]
    async fn a_revocation_is_noticed_within_three_seconds_and_not_by_asking_each_time() {
        let bench = bench().await;
        let minted = bench.key("ann", &["admin"], None).await;
        assert!(bench.keys.caller(&minted.plaintext).await.unwrap().is_some());
        assert!(bench.store.revoke_cloud_key(minted.row.id, bench.now()).await.unwrap());
        assert!(bench.keys.caller(&minted.plaintext).await.unwrap().is_some(), "remembered: the database is not asked");
        bench.later(GOOD).await;
        assert!(bench.keys.caller(&minted.plaintext).await.unwrap().is_none());
        assert!(!bench.store.revoke_cloud_key(minted.row.id, bench.now()).await.unwrap(), "once for good");
    }

    #[tokio::test]
    async fn a_key_ends_at_its_time_even_while_it_is_remembered() {
        let bench = bench().await;
        let end = bench.clock.now().saturating_add(Duration::from_secs(2));
        let minted = bench.key("ann", &["admin"], Some(Time::from(end))).await;
        assert!(bench.keys.caller(&minted.plaintext).await.unwrap().is_some());
        bench.later(Duration::from_secs(2)).await;
        assert!(bench.keys.caller(&minted.plaintext).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_profile_follows_the_owners_groups() {
        let bench = bench().await;
        let minted = bench.key("ann", &["admin"], None).await;
        assert!(bench.keys.caller(&minted.plaintext).await.unwrap().is_some());
        bench.store.keep_cloud_user("ann", &["gone".to_owned()], None, bench.now()).await.unwrap();
        bench.later(GOOD).await;
        assert!(bench.keys.caller(&minted.plaintext).await.unwrap().is_none(), "no group, no profile, no way in");
    }

    #[tokio::test]
    async fn keys_that_are_made_up_do_not_pile_up_nor_drive_out_good_ones() {
        let bench = bench().await;
        let end = Some(bench.clock.now().saturating_add(Duration::from_secs(3600)));
        let look = async |hash: Hash, holder: Option<Holder>| {
            bench.keys.cell(hash).get(|| async move { Ok(Fresh::new(holder, end)) }).await.unwrap();
        };
        let minted = mint("ann", "", None).unwrap().row;
        let (key, prefix, owner) = (minted.id, minted.prefix, minted.owner);
        look(minted.hash, Some(Holder { key, prefix, owner, groups: Vec::new(), expires_at: None })).await;
        for number in 0..2 * REMEMBERED as u64 {
            let mut made_up = Hash::default();
            made_up[..8].copy_from_slice(&number.to_be_bytes());
            look(made_up, None).await;
            assert!(bench.keys.known.lock().unwrap().len() <= REMEMBERED, "{number}");
        }
        assert!(bench.keys.known.lock().unwrap().contains_key(&minted.hash));
    }

    #[tokio::test]
    async fn what_is_no_key_is_refused_without_a_look() {
        let bench = bench().await;
        bench.store.close().await;
        for text in ["", "cube_", "cube_x", &format!("cube_{}", "!".repeat(43)), &"a".repeat(48)] {
            assert!(bench.keys.caller(&text.to_owned().into()).await.unwrap().is_none(), "{text}");
        }
        let well_formed = mint("ann", "", None).unwrap().plaintext;
        assert!(bench.keys.caller(&well_formed).await.is_err(), "the database is closed, so this one was looked up");
    }
}
