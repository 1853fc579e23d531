//! Who may be connected: a cap of all, a cap of each client, and who goes when one more comes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::held::Held;
use super::limits::Limits;

/// How long a newcomer waits for the socket of who went.
const CLOSING: Duration = Duration::from_secs(1);

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    per_client: usize,
    /// One permit a descriptor: one that is being closed still has its own.
    descriptors: Arc<Semaphore>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    last_id: u64,
    held: usize,
    clients: HashMap<IpAddr, Guests>,
    /// Clients by the number of their strangers.
    crowds: BTreeSet<(usize, IpAddr)>,
    /// No more are let in.
    closed: bool,
}

/// The connections of one client, in the order in which they came.
#[derive(Debug, Default)]
struct Guests {
    strangers: BTreeMap<u64, Arc<Held>>,
    vouched: BTreeMap<u64, Arc<Held>>,
}

/// A place in the room, given back when it is dropped, which closing the socket must come before.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Room>,
    held: Arc<Held>,
    _descriptor: OwnedSemaphorePermit,
}

impl Seat {
    pub(super) fn held(&self) -> &Arc<Held> {
        &self.held
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.inside().leave(&self.held);
    }
}

impl Room {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let most = limits.connections.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            most,
            per_client: limits.per_client,
            descriptors: Arc::new(Semaphore::new(most)),
            inside: Mutex::default(),
        })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are connected.
    pub(super) fn count(&self) -> usize {
        self.inside().held
    }

    /// A seat for a newcomer, if need be that of another, whose socket is closed first. None when nobody can go.
    pub(super) async fn seat(self: &Arc<Self>, peer: SocketAddr) -> Option<Seat> {
        let held = self.inside().enter(peer, self.most, self.per_client)?;
        // Given back to the room also when the wait is given up.
        let mut waiting = Waiting { room: self, held: Some(held) };
        let descriptor = tokio::time::timeout(CLOSING, self.descriptors.clone().acquire_owned()).await.ok()?.ok()?;
        let held = waiting.held.take()?;
        Some(Seat { room: self.clone(), held, _descriptor: descriptor })
    }

    /// Ends one connection, to free its descriptor; false when nobody can go.
    pub(super) fn make_room(&self) -> bool {
        self.inside().send_one_away()
    }

    /// A connection is a stranger no more.
    pub(super) fn vouch(&self, held: &Arc<Held>) {
        self.inside().vouch(held);
    }

    /// Ends every connection and lets no more in.
    pub(super) fn close(&self) {
        let mut inside = self.inside();
        inside.closed = true;
        let guests = inside.clients.values();
        guests.flat_map(|guests| guests.strangers.values().chain(guests.vouched.values())).for_each(|held| held.end());
    }
}

struct Waiting<'a> {
    room: &'a Arc<Room>,
    held: Option<Arc<Held>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.room.inside().leave(&held);
        }
    }
}

impl Inside {
    fn enter(&mut self, peer: SocketAddr, most: usize, per_client: usize) -> Option<Arc<Held>> {
        if self.closed {
            return None;
        }
        let client = client_of(peer.ip());
        let own = self.clients.get(&client).map_or(0, Guests::count);
        let room = if own >= per_client { self.send_away_of(client) } else { self.held < most || self.send_one_away() };
        if !room {
            return None;
        }
        self.last_id += 1;
        let held = Arc::new(Held::new(peer, self.last_id));
        self.held += 1;
        self.change(client, |guests| guests.strangers.insert(held.id, held.clone()));
        Some(held)
    }

    fn leave(&mut self, held: &Held) {
        let found = self.change(client_of(held.peer.ip()), |guests| {
            guests.strangers.remove(&held.id).or_else(|| guests.vouched.remove(&held.id))
        });
        self.held -= usize::from(found.is_some());
    }

    fn vouch(&mut self, held: &Arc<Held>) {
        self.change(client_of(held.peer.ip()), |guests| {
            // Who was sent away meanwhile stays away.
            if let Some(held) = guests.strangers.remove(&held.id) {
                guests.vouched.insert(held.id, held);
            }
        });
    }

    /// Changes the connections of a client, and what is counted of them.
    fn change<T>(&mut self, client: IpAddr, change: impl FnOnce(&mut Guests) -> T) -> T {
        let guests = self.clients.entry(client).or_default();
        self.crowds.remove(&(guests.strangers.len(), client));
        let changed = change(guests);
        match (guests.strangers.len(), guests.count()) {
            (_, 0) => drop(self.clients.remove(&client)),
            (0, _) => {}
            (strangers, _) => drop(self.crowds.insert((strangers, client))),
        }
        changed
    }

    /// A stranger of the client that has most of them goes first, then who has rested longest.
    fn send_one_away(&mut self) -> bool {
        let crowds = self.crowds.iter().rev().filter_map(|(_, client)| self.clients.get(client));
        let stranger = crowds.into_iter().find_map(Guests::oldest_stranger);
        let vouched = || longest_resting(self.clients.values().flat_map(|guests| guests.vouched.values()));
        let chosen = stranger.or_else(vouched).cloned();
        chosen.is_some_and(|held| self.send_away(&held))
    }

    fn send_away_of(&mut self, client: IpAddr) -> bool {
        let Some(guests) = self.clients.get(&client) else { return false };
        let chosen = guests.oldest_stranger().or_else(|| longest_resting(guests.vouched.values())).cloned();
        chosen.is_some_and(|held| self.send_away(&held))
    }

    fn send_away(&mut self, held: &Held) -> bool {
        self.leave(held);
        held.end();
        true
    }
}

impl Guests {
    fn count(&self) -> usize {
        self.strangers.len() + self.vouched.len()
    }

    /// An upgraded one is not ours to close for another.
    fn oldest_stranger(&self) -> Option<&Arc<Held>> {
        self.strangers.values().find(|held| !held.is_upgraded())
    }
}

fn longest_resting<'a>(among: impl Iterator<Item = &'a Arc<Held>>) -> Option<&'a Arc<Held>> {
    among.filter_map(|held| Some((held.resting_since()?, held))).min_by_key(|(since, _)| *since).map(|(_, held)| held)
}

/// Whose connection it is: one household or server has 64 bits of IPv6 addresses to itself.
fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}
