//! What the demo says when the run is over.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use super::{check::Verdict, screen::Shown, setting::Setting};
use crate::{
    output::{Out, Paint, stdout_has_colour},
    pretty::length,
};

/// Prints the summary.
pub(crate) fn print(setting: &Setting, shown: &Shown, verdict: &Verdict) -> io::Result<()> {
    let paint = Paint(stdout_has_colour());
    let mut out = Out::new();
    let mut row = |good: bool, name: &str, text: String| {
        let sign = if good { paint.sgr("32", "✓") } else { paint.sgr("31", "✗") };
        writeln!(out, "{sign} {name:<12} {text}")
    };
    let outline = &shown.outline;
    let rate = outline.events() as f64 / shown.length.as_secs_f64().max(0.001);
    row(
        verdict.events == outline.events(),
        "events",
        format!(
            "{} ({} durable, {} deltas) in {}: {rate:.0} events/s",
            outline.events(),
            outline.durable(),
            outline.transient(),
            length(shown.length)
        ),
    )?;
    let (first, all) = (sorted(&shown.first_tokens), sorted(&shown.delays));
    row(
        !first.is_empty(),
        "first token",
        format!(
            "on screen {} after it was published (median of {} answers; slowest {})",
            millis(percentile(&first, 50)),
            first.len(),
            millis(percentile(&first, 100)),
        ),
    )?;
    row(
        !all.is_empty(),
        "every event",
        format!("p50 {}, p99 {}", millis(percentile(&all, 50)), millis(percentile(&all, 99))),
    )?;
    let counts = verdict.sequences.iter().map(|(agent, (count, dense))| {
        if *dense { format!("{agent} {count}") } else { format!("{agent} has holes") }
    });
    let counts: Vec<String> = counts.collect();
    row(
        verdict.sequences.values().all(|(_, dense)| *dense),
        "complete",
        format!("every sequence is dense: {}", counts.join(", ")),
    )?;
    let checked = match verdict.violations.first() {
        None => format!("accepts the run: {} parts opened, {} still open", outline.len(), outline.open()),
        Some(first) => format!("{} violations: {first}", verdict.violations.len()),
    };
    row(verdict.violations.is_empty(), "run checker", checked)?;
    let reader = match shown.cut {
        Some(cut) => format!(
            "cut off after event {}, back after {}, {} replayed: missed {}, repeated {}",
            cut.at,
            length(cut.away.unwrap_or_default()),
            cut.replayed,
            verdict.missed,
            verdict.wrong
        ),
        None => format!("missed {}, repeated {}", verdict.missed, verdict.wrong),
    };
    row(verdict.missed == 0 && verdict.wrong == 0 && shown.cut.is_some(), "reader", reader)?;
    if !verdict.is_good() {
        writeln!(out, "\nrun {}: something is not as it must be", setting.run)?;
    }
    out.flush()
}

/// Prints what can be tried while the server goes on.
pub(crate) fn try_it(setting: &Setting) {
    let (url, run) = (&setting.url, &setting.run);
    eprintln!(
        "\nThe server goes on at {url} until Ctrl-C. In another terminal:

  headwater tail {run} --url {url}
  headwater show {run} --url {url}
  curl -N -H 'Accept: text/event-stream' {url}/v1/streams/{run}/events
  curl -N -H 'Accept: text/event-stream' {url}/v1/events
  curl {url}/v1/events -H 'content-type: application/cloudevents+json' \\
    -d '{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/me\",\"type\":\"my.hello\",\"subject\":\"{run}\"}}'

In a page of the same origin:

  new EventSource('{url}/v1/streams/{run}/events?named=false').onmessage = e => console.log(JSON.parse(e.data))
"
    );
}

fn sorted(delays: &[Duration]) -> Vec<Duration> {
    let mut sorted = delays.to_vec();
    sorted.sort();
    sorted
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
