//! What was measured, as a line per round, a table of medians, and JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::document::Size;
use crate::load::Load;
use crate::partner::Received;

/// One peer under load for one round.
pub(crate) struct Round {
    pub(crate) peer: String,
    pub(crate) size: Size,
    pub(crate) number: usize,
    pub(crate) cpu: Duration,
    /// Resident memory of the peer at the end, in bytes.
    pub(crate) resident: u64,
    pub(crate) received: Received,
    pub(crate) load: Load,
    /// Why the round does not count, if it does not.
    pub(crate) fault: Option<String>,
}

impl Round {
    /// CPU time of the peer for one request, in microseconds.
    fn cost(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.load.completed().max(1) as f64
    }

    fn milliseconds(&self, share: f64) -> f64 {
        self.load.quantile(share).as_secs_f64() * 1e3
    }

    fn resident_mib(&self) -> f64 {
        self.resident as f64 / f64::from(1 << 20)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4} round {} {:<13} ", self.size.name, self.number, self.peer)?;
        if let Some(fault) = &self.fault {
            return write!(f, "VOID: {fault}");
        }
        let (cost, rate) = (self.cost(), self.load.rate());
        let bytes = self.received.bytes_per_request();
        write!(f, "{cost:9.1} µs/request {rate:9.0} req/s {bytes:>8} bytes received a request")
    }
}

/// All rounds of a run.
#[derive(Default)]
pub(crate) struct Report {
    rounds: Vec<Round>,
}

impl Report {
    pub(crate) fn add(&mut self, round: Round) {
        self.rounds.push(round);
    }

    /// Every round and the medians, as JSON text.
    pub(crate) fn json(&self) -> String {
        let rounds = self.rounds.iter().map(|round| {
            json!({
                "size": round.size.name,
                "round": round.number,
                "peer": round.peer,
                "fault": round.fault,
                "requests": round.load.completed(),
                "cpu_us_per_request": round.cost(),
                "requests_per_second": round.load.rate(),
                "p50_ms": round.milliseconds(0.50),
                "p99_ms": round.milliseconds(0.99),
                "resident_bytes": round.resident,
                "received_bytes_per_request": round.received.bytes_per_request(),
            })
        });
        let medians = self.rows().into_iter().map(|row| {
            json!({
                "size": row.size.name,
                "peer": row.peer,
                "rounds": row.rounds,
                "cpu_us_per_request": row.cost,
                "ratio_to_nginx": row.ratio,
                "requests_per_second": row.rate,
                "p50_ms": row.p50,
                "p99_ms": row.p99,
                "resident_mib": row.resident,
            })
        });
        let report = json!({
            "rounds": rounds.collect::<Vec<_>>(),
            "medians": medians.collect::<Vec<_>>(),
        });
        serde_json::to_string_pretty(&report).unwrap() + "\n"
    }

    /// The medians over the rounds that count, by size and peer in the order of measurement.
    fn rows(&self) -> Vec<Row> {
        let mut groups: Vec<Vec<&Round>> = Vec::new();
        for round in self.rounds.iter().filter(|round| round.fault.is_none()) {
            let same = |group: &&mut Vec<&Round>| {
                group[0].peer == round.peer && group[0].size == round.size
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(round),
                None => groups.push(vec![round]),
            }
        }
        let mut rows: Vec<Row> = groups.iter().map(|group| self.row(group)).collect();
        rows.sort_by_key(|row| row.size.bytes);
        rows
    }

    fn row(&self, group: &[&Round]) -> Row {
        let nginx: BTreeMap<usize, f64> = self
            .rounds
            .iter()
            .filter(|r| r.peer == NGINX && r.size == group[0].size && r.fault.is_none())
            .map(|round| (round.number, round.cost()))
            .collect();
        let ratios = group.iter().filter_map(|r| Some(r.cost() / nginx.get(&r.number)?));
        let of = |value: fn(&Round) -> f64| {
            median(group.iter().map(|round| value(round)).collect()).unwrap_or_default()
        };
        Row {
            size: group[0].size,
            peer: group[0].peer.clone(),
            rounds: group.len(),
            ratio: median(ratios.collect()),
            cost: of(Round::cost),
            rate: of(|round| round.load.rate()),
            p50: of(|round| round.milliseconds(0.50)),
            p99: of(|round| round.milliseconds(0.99)),
            resident: of(Round::resident_mib),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nmedians; CPU time is the peer's, its ratio is to nginx in the same round\n"
        )?;
        let heads = [
            "size",
            "peer",
            "CPU µs/request",
            "× nginx",
            "req/s",
            "p50 ms",
            "p99 ms",
            "RSS MiB",
            "rounds",
        ];
        write_row(f, &heads.map(str::to_owned))?;
        write_row(f, &["-:"; 9].map(str::to_owned))?;
        for row in self.rows() {
            write_row(f, &row.cells())?;
        }
        let void = self.rounds.iter().filter(|round| round.fault.is_some()).count();
        if void > 0 {
            writeln!(f, "\n{void} rounds are void and left out")?;
        }
        Ok(())
    }
}

/// The medians of a peer at a size.
struct Row {
    size: Size,
    peer: String,
    rounds: usize,
    cost: f64,
    ratio: Option<f64>,
    rate: f64,
    p50: f64,
    p99: f64,
    resident: f64,
}

impl Row {
    fn cells(&self) -> [String; 9] {
        [
            self.size.name.to_owned(),
            self.peer.clone(),
            format!("{:.1}", self.cost),
            self.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            format!("{:.0}", self.rate),
            format!("{:.2}", self.p50),
            format!("{:.2}", self.p99),
            format!("{:.1}", self.resident),
            self.rounds.to_string(),
        ]
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, cells: &[String; 9]) -> fmt::Result {
    for (cell, width) in cells.iter().zip([4, 13, 14, 7, 7, 7, 7, 7, 6]) {
        write!(f, "| {cell:>width$} ")?;
    }
    writeln!(f, "|")
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        let pair = values.get(middle.checked_sub(1)?).zip(values.get(middle));
        return pair.map(|(low, high)| f64::midpoint(*low, *high));
    }
    values.get(middle).copied()
}

/// The peer that all are compared with.
const NGINX: &str = "nginx";
