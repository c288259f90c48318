//! Recorded decisions made again by other rules, from the ledger and the stored facts alone.
//!
//! | what is known | from |
//! |---|---|
//! | who asked what, when, on which basis | the entry |
//! | which mapped fields each record held, how many members besides | the entry's verdicts |
//! | whose a record was, where a consent let it through | the line's consent record |
//! | what the consents were at that place | their events, up to the one that the ledger had |
//! | what consents answered that let nothing through | the verdict, while the same is asked |
//! | the rules of that time | the rule files, by the digest that the entry carries |

pub mod again;
pub mod difference;
pub mod past;
pub mod recorded;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use again::{Case, Person, Untold};
use difference::{Compared, Way, compare};
use past::Past;
use recorded::{Line, Recorded, Unreadable};

use crate::policy::{Basis, Place, Policy};
use crate::reason::Reason;
use crate::store::{Snapshot, StoreError, rule_files};
use crate::vocabulary::{Name, PurposeId};

/// How many decisions came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All that were gone through.
    pub decisions: u64,
    /// Those that come out as they were.
    pub same: u64,
    /// Those that come out otherwise.
    pub differing: BTreeMap<Way, u64>,
    /// Those of which it cannot be told.
    pub untold: BTreeMap<Untold, u64>,
    /// Requests that were refused for what no rule decides: a broken body, a full ledger.
    pub beside: u64,
}

impl Totals {
    /// How many come out otherwise.
    #[must_use]
    pub fn differing(&self) -> u64 {
        self.differing.values().sum()
    }

    /// Of how many it cannot be told.
    #[must_use]
    pub fn untold(&self) -> u64 {
        self.untold.values().sum()
    }
}

/// Why a ledger cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Unreplayed {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry cannot be read.
    #[error(transparent)]
    Entry(#[from] Unreadable),
}

/// Makes every recorded decision again by a set of rules.
///
/// `each` is told of each entry's position, and of what came of it if it is a decision.
///
/// # Errors
/// The store failed, or holds what this program cannot read.
pub fn replay(
    snapshot: &mut dyn Snapshot,
    new: &Arc<Policy>,
    mut each: impl FnMut(u64, Option<(&Recorded, &Compared)>),
) -> Result<Totals, Unreplayed> {
    let mut rules = Rules::beside(new);
    let (mut past, mut totals) = (Past::default(), Totals::default());
    let mut next = 0;
    loop {
        let page = snapshot.entries(next, PAGE)?;
        let Some(last) = page.last() else { return Ok(totals) };
        next = last.seq.saturating_add(1);
        for entry in &page {
            past.pass(snapshot, entry)?;
            let read = Recorded::read(entry.seq, &entry.bytes, entry.lines.as_deref())?;
            let Some(recorded) = read else {
                each(entry.seq, None);
                continue;
            };
            let compared = anew(snapshot, &past, &mut rules, &recorded, new)?;
            totals.count(&recorded, &compared);
            each(entry.seq, Some((&recorded, &compared)));
        }
    }
}

impl Totals {
    fn count(&mut self, recorded: &Recorded, compared: &Compared) {
        let one = |count: &mut u64| *count = count.saturating_add(1);
        one(&mut self.decisions);
        match compared {
            Compared::Same if is_beside(recorded) => one(&mut self.beside),
            Compared::Same => one(&mut self.same),
            Compared::Differs(difference) => {
                one(self.differing.entry(difference.way()).or_default());
            }
            Compared::Untold(untold) => one(self.untold.entry(*untold).or_default()),
        }
    }
}

fn anew(
    snapshot: &mut dyn Snapshot,
    past: &Past,
    rules: &mut Rules,
    recorded: &Recorded,
    new: &Arc<Policy>,
) -> Result<Compared, Unreplayed> {
    if is_beside(recorded) {
        return Ok(Compared::Same);
    }
    let Some(old) = rules.of(snapshot, &recorded.policy)? else {
        return Ok(Compared::Untold(Untold::Rules));
    };
    if recorded.lines.is_none() {
        let same = claims_alike(recorded, &old, new);
        return Ok(if same { Compared::Same } else { Compared::Untold(Untold::Claim) });
    }
    let people = people(snapshot, past, recorded)?;
    let case = Case { recorded, old: &old, new, people: &people };
    Ok(match case.again() {
        Ok(again) => compare(recorded, &again),
        Err(untold) => Compared::Untold(untold),
    })
}

/// What is known of the subject of each line.
///
/// # Errors
/// The store failed, or holds what this program cannot read.
pub fn people(
    snapshot: &mut dyn Snapshot,
    past: &Past,
    recorded: &Recorded,
) -> Result<Vec<Person>, StoreError> {
    let mut person = |line: &Line| {
        let verdict = recorded.verdict(line);
        let reason = verdict.and_then(|told| told.refused.as_ref()).map(|(reason, _)| *reason);
        Ok(match (reason, line.consents().next()) {
            (Some(Reason::SubjectBlocked), _) => Person::Said(Reason::SubjectBlocked),
            (Some(Reason::SubjectUnidentified), _) => Person::Unidentified,
            (_, Some(record)) => {
                let terms = past.consents(snapshot, record, recorded.seq)?;
                terms.map_or(Person::Unknown, Person::Known)
            }
            (Some(reason), None) if is_answer(reason) => Person::Said(reason),
            _ => Person::Unknown,
        })
    };
    recorded.lines.iter().flatten().map(&mut person).collect()
}

/// Whether a reason is what consents answer.
const fn is_answer(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::AutomatedNotConsented
            | Reason::ConsentExpired
            | Reason::ConsentNotYetValid
            | Reason::ConsentRefused
            | Reason::ConsentWithdrawn
            | Reason::CountryNotConsented
            | Reason::CrossBorderNotConsented
            | Reason::NoConsent
            | Reason::NoticeUnknown
            | Reason::PublicationNotConsented
            | Reason::PurposeNotConsented
            | Reason::RecipientNotConsented
            | Reason::RepresentativeRequired
            | Reason::ThirdPartyNotConsented
    )
}

/// Whether a request was refused before it was decided, and not for its claim on a route: for a
/// broken head or body, a caller, a limit, a ledger that was full.
fn is_beside(recorded: &Recorded) -> bool {
    let by_claim = matches!(
        recorded.reason,
        Some(
            Reason::LegalRequestIncomplete
                | Reason::LegalRequestNotForRoute
                | Reason::MethodNotAllowed
                | Reason::PurposeAmbiguous
                | Reason::PurposeNotForRoute
                | Reason::PurposeUnknown
                | Reason::RouteUnknown
        )
    );
    recorded.lines.is_none() && !by_claim
}

/// Whether a claim that was refused under one set of rules is refused alike under another, whatever
/// it was.
fn claims_alike(recorded: &Recorded, old: &Policy, new: &Policy) -> bool {
    let Some(name) = &recorded.route else { return requests(old) == requests(new) };
    let there = old.route(name).zip(new.route(name));
    let asks = |(before, after)| asks(old, before) == asks(new, after);
    requests(old) == requests(new) && there.is_some_and(asks)
}

/// A route, its partner's host, and its method and path at the gateway and at that host.
type Request<'p> = (&'p Name, &'p str, [(&'p str, String); 2]);

/// What requests are taken by which routes.
fn requests(policy: &Policy) -> BTreeSet<Request<'_>> {
    let routes = policy.partners.values().flat_map(|partner| {
        partner.routes.iter().map(move |route| {
            let host = partner.endpoints.get(&route.endpoint).map_or("", |e| e.host.as_str());
            let asked = |at| (route.method_at(at), route.template_at(at).to_string());
            (&route.name, host, [false, true].map(asked))
        })
    });
    routes.collect()
}

/// What a route asks of a claim: a purpose of its own that is active, a request that is known.
fn asks<'p>(
    policy: &'p Policy,
    Place { partner, route }: Place<'p>,
) -> (&'p [PurposeId], Vec<PurposeId>, Basis, Vec<&'p Name>) {
    let active = policy.register.purposes.iter().filter(|(_, entry)| entry.active);
    let active = active.map(|(id, _)| *id).collect();
    (&route.purposes, active, route.basis, partner.requests.keys().collect())
}

/// The rules of a ledger's times, the last few kept.
struct Rules {
    kept: VecDeque<(String, Option<Arc<Policy>>)>,
    beside: Arc<Policy>,
}

impl Rules {
    fn beside(policy: &Arc<Policy>) -> Self {
        Self { kept: VecDeque::new(), beside: Arc::clone(policy) }
    }

    /// The rules with a digest; `None` where they are not kept or cannot be read any more.
    fn of(
        &mut self,
        snapshot: &mut dyn Snapshot,
        digest: &str,
    ) -> Result<Option<Arc<Policy>>, StoreError> {
        if digest == self.beside.digest {
            return Ok(Some(Arc::clone(&self.beside)));
        }
        if let Some((_, kept)) = self.kept.iter().find(|(known, _)| known == digest) {
            return Ok(kept.clone());
        }
        let policy = rules(snapshot, digest)?;
        self.kept.push_back((digest.to_owned(), policy.clone()));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        Ok(policy)
    }
}

/// The rules with a digest, as they were kept; `None` where they are not, or cannot be read by this
/// program.
///
/// # Errors
/// The store failed.
pub fn rules(snapshot: &mut dyn Snapshot, digest: &str) -> Result<Option<Arc<Policy>>, StoreError> {
    let files = rule_files::rules(snapshot, digest)?;
    let read = |files| Policy::read(&files, crate::time::Timestamp::EPOCH).ok();
    Ok(files.and_then(read).map(|(policy, _)| Arc::new(policy)))
}

const PAGE: usize = 512;
// Replicas that change over one after the other alternate between two.
const KEPT: usize = 4;
