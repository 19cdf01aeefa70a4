//! Which leases a node holds, as a pure function of what happened.
//!
//! Times are those of the process's own monotonic clock, measured from before a request was sent, so
//! a holder believes in a lease for less long than the database does. Nothing here waits, asks or
//! reads a clock: [`Holder::step`] is the same for the same events, and a simulation drives it.

use std::collections::BTreeMap;
use std::time::Duration;

use store::{Lease, LeaseKey, NodeTimes};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time passed: a beat is due, or a lease may be over.
    Tick,
    /// A beat that was sent at this time renewed these leases.
    Beaten { sent: Duration, held: Vec<Lease> },
    /// A claim that was sent at this time took this lease.
    Claimed { sent: Duration, lease: Lease },
    /// A write under this lease was refused.
    Refused(Lease),
    /// A later process has taken the node's id.
    Superseded,
}

/// What is to be done about it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Say that the node lives.
    Beat,
    /// Try to take a lease.
    Claim(LeaseKey),
    /// Activate what the lease is about.
    Start(Lease),
    /// Stop what was started under the lease.
    Stop(Lease),
    /// Enter again, under another id.
    Enter,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    fence_after: Duration,
    wanted: Vec<LeaseKey>,
    held: BTreeMap<LeaseKey, Holding>,
    /// When the last beat that was answered was sent.
    beaten: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Holding {
    epoch: i64,
    until: Duration,
    /// When the request was sent that took it.
    taken: Duration,
}

impl Holder {
    /// A node that wants these leases and holds none.
    pub(crate) fn new(times: NodeTimes, wanted: Vec<LeaseKey>) -> Holder {
        let fence_after = times.fence_after();
        Holder { fence_after, wanted, held: BTreeMap::new(), beaten: None }
    }

    /// Whether the node could renew lately: else it holds nothing and no client should come here.
    pub(crate) fn is_live(&self, now: Duration) -> bool {
        self.beaten.is_some_and(|beaten| now < beaten + self.fence_after)
    }

    /// When the next lease is over, if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.held.values().map(|holding| holding.until).min()
    }

    /// How many leases are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// What follows from `event` at `now`.
    pub(crate) fn step(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        let mut effects = self.stop_overdue(now);
        match event {
            Event::Tick => {
                effects.push(Effect::Beat);
                if self.is_live(now) {
                    let free = self.wanted.iter().filter(|key| !self.held.contains_key(*key));
                    effects.extend(free.cloned().map(Effect::Claim));
                }
            }
            Event::Beaten { sent, held } => {
                self.beaten = self.beaten.max(Some(sent));
                self.adopt(now, sent, held, &mut effects);
            }
            Event::Claimed { sent, lease } => {
                self.hold(now, sent, lease, &mut effects);
            }
            Event::Refused(lease) => {
                let is_held = |holding: &Holding| holding.epoch == lease.epoch;
                if self.held.get(&lease.key).is_some_and(is_held) {
                    self.held.remove(&lease.key);
                    effects.push(Effect::Stop(lease));
                }
            }
            Event::Superseded => {
                self.beaten = None;
                effects.extend(self.stop_all());
                effects.push(Effect::Enter);
            }
        }
        effects
    }

    /// Takes the database's word for what is held; of what was taken after the question it knows nothing.
    fn adopt(&mut self, now: Duration, sent: Duration, held: Vec<Lease>, out: &mut Vec<Effect>) {
        let renewed: BTreeMap<&LeaseKey, i64> =
            held.iter().map(|lease| (&lease.key, lease.epoch)).collect();
        let lost = self.held.extract_if(.., |key, holding| {
            let is_known = holding.taken < sent;
            is_known && renewed.get(key).is_none_or(|epoch| *epoch != holding.epoch)
        });
        out.extend(lost.map(|(key, holding)| Effect::Stop(Lease { key, epoch: holding.epoch })));
        for lease in held {
            self.hold(now, sent, lease, out);
        }
    }

    /// Holds a lease that was taken or renewed by a request sent at `sent`.
    fn hold(&mut self, now: Duration, sent: Duration, lease: Lease, out: &mut Vec<Effect>) {
        let until = sent + self.fence_after;
        match self.held.get_mut(&lease.key) {
            Some(holding) if holding.epoch == lease.epoch => {
                holding.until = holding.until.max(until);
            }
            // An answer that took too long is worth nothing: the next beat tells the same again.
            _ if until <= now => {}
            // An older epoch is the answer to an older question.
            Some(holding) if holding.epoch > lease.epoch => {}
            other => {
                let before = other.map(|holding| holding.epoch);
                let stopped = before.map(|epoch| Lease { key: lease.key.clone(), epoch });
                out.extend(stopped.map(Effect::Stop));
                self.held
                    .insert(lease.key.clone(), Holding { epoch: lease.epoch, until, taken: sent });
                out.push(Effect::Start(lease));
            }
        }
    }

    fn stop_overdue(&mut self, now: Duration) -> Vec<Effect> {
        let over = self.held.extract_if(.., |_, holding| holding.until <= now);
        over.map(|(key, holding)| Effect::Stop(Lease { key, epoch: holding.epoch })).collect()
    }

    /// Stops everything.
    pub(crate) fn stop_all(&mut self) -> Vec<Effect> {
        let held = std::mem::take(&mut self.held).into_iter();
        held.map(|(key, holding)| Effect::Stop(Lease { key, epoch: holding.epoch })).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIMES: NodeTimes =
        NodeTimes { beat: Duration::from_secs(2), ttl: Duration::from_secs(9) };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn lease(key: &str, epoch: i64) -> Lease {
        Lease { key: LeaseKey::new("k", key), epoch }
    }

    fn holder() -> Holder {
        Holder::new(TIMES, vec![lease("a", 1).key])
    }

    #[test]
    fn a_node_claims_what_it_wants_once_it_is_live() {
        let mut node = holder();
        assert_eq!(node.step(at(0), Event::Tick), [Effect::Beat]);
        assert!(!node.is_live(at(0)));
        assert_eq!(node.step(at(0), Event::Beaten { sent: at(0), held: vec![] }), []);
        assert!(node.is_live(at(5)) && !node.is_live(at(6)));
        let wanted = lease("a", 1);
        let expected = [Effect::Beat, Effect::Claim(wanted.key.clone())];
        assert_eq!(node.step(at(2), Event::Tick), expected);
        let claimed = Event::Claimed { sent: at(2), lease: wanted.clone() };
        assert_eq!(node.step(at(2), claimed), [Effect::Start(wanted)]);
        assert_eq!(node.step(at(4), Event::Tick), [Effect::Beat]);
    }

    #[test]
    fn a_lease_that_is_not_renewed_is_stopped_before_the_database_gives_it_away() {
        let mut node = holder();
        let held = vec![lease("a", 1)];
        node.step(at(0), Event::Beaten { sent: at(0), held: held.clone() });
        assert_eq!(node.deadline(), Some(at(6)));
        assert_eq!(node.step(at(5), Event::Tick), [Effect::Beat]);
        assert_eq!(node.step(at(6), Event::Tick), [Effect::Stop(lease("a", 1)), Effect::Beat]);
        assert_eq!(node.len(), 0);
        // The answer to the beat of second 5 took until 12: it proves nothing any more.
        assert_eq!(node.step(at(12), Event::Beaten { sent: at(5), held: held.clone() }), []);
        assert!(!node.is_live(at(12)));
        let back = Event::Beaten { sent: at(12), held };
        assert_eq!(node.step(at(12), back), [Effect::Start(lease("a", 1))]);
    }

    #[test]
    fn what_the_database_says_is_another_s_is_stopped() {
        let mut node = holder();
        node.step(at(0), Event::Beaten { sent: at(0), held: vec![lease("a", 1), lease("b", 4)] });
        let newer = Event::Beaten { sent: at(2), held: vec![lease("b", 5)] };
        let stopped = [Effect::Stop(lease("a", 1)), Effect::Stop(lease("b", 4))];
        let effects = node.step(at(2), newer);
        assert_eq!(effects[..2], stopped);
        assert_eq!(effects[2..], [Effect::Start(lease("b", 5))]);
        assert_eq!(node.step(at(2), Event::Refused(lease("b", 4))), []);
        let refused = node.step(at(2), Event::Refused(lease("b", 5)));
        assert_eq!(refused, [Effect::Stop(lease("b", 5))]);
        node.step(at(3), Event::Beaten { sent: at(3), held: vec![lease("c", 1)] });
        let superseded = node.step(at(3), Event::Superseded);
        assert_eq!(superseded, [Effect::Stop(lease("c", 1)), Effect::Enter]);
        assert!(!node.is_live(at(3)));
    }

    #[test]
    fn a_beat_that_was_sent_before_a_claim_does_not_take_the_lease_away() {
        let mut node = holder();
        node.step(at(0), Event::Beaten { sent: at(0), held: vec![] });
        let claimed = Event::Claimed { sent: at(3), lease: lease("a", 1) };
        assert_eq!(node.step(at(3), claimed), [Effect::Start(lease("a", 1))]);
        assert_eq!(node.step(at(4), Event::Beaten { sent: at(2), held: vec![] }), []);
        let later = node.step(at(5), Event::Beaten { sent: at(4), held: vec![] });
        assert_eq!(later, [Effect::Stop(lease("a", 1))]);
    }

    fn event() -> impl Strategy<Value = Event> {
        let lease = || (0..3_u8, 1..4_i64).prop_map(|(key, epoch)| lease(&key.to_string(), epoch));
        let held = proptest::collection::vec(lease(), 0..3);
        let sent = || (0..40_u64).prop_map(at);
        prop_oneof![
            Just(Event::Tick),
            (sent(), held).prop_map(|(sent, held)| Event::Beaten { sent, held }),
            (sent(), lease()).prop_map(|(sent, lease)| Event::Claimed { sent, lease }),
            lease().prop_map(Event::Refused),
            Just(Event::Superseded),
        ]
    }

    proptest! {
        #[test]
        fn starts_and_stops_alternate_and_nothing_outlives_its_time(
            steps in proptest::collection::vec((0..3_u64, event()), 0..60)
        ) {
            let mut node = holder();
            let mut running = BTreeMap::new();
            let mut now = 0;
            for (passed, event) in steps {
                now += passed;
                // Nothing is answered before it was sent.
                let event = match event {
                    Event::Beaten { sent, held } =>
                        Event::Beaten { sent: sent.min(at(now)), held },
                    Event::Claimed { sent, lease } =>
                        Event::Claimed { sent: sent.min(at(now)), lease },
                    other @ (Event::Tick | Event::Refused(_) | Event::Superseded) => other,
                };
                for effect in node.step(at(now), event) {
                    match effect {
                        Effect::Start(Lease { key, epoch }) =>
                            prop_assert_eq!(running.insert(key, epoch), None),
                        Effect::Stop(Lease { key, epoch }) =>
                            prop_assert_eq!(running.remove(&key), Some(epoch)),
                        Effect::Beat | Effect::Claim(_) | Effect::Enter => {}
                    }
                }
                prop_assert_eq!(running.len(), node.len());
                prop_assert!(node.deadline().is_none_or(|deadline| deadline > at(now)));
                prop_assert!(node.deadline().is_none_or(|deadline| deadline <= at(now + 6)));
            }
        }
    }
}
