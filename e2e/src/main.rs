//! `headwater-soak`: the story again and again. `cargo xtask soak` runs it.

use anyhow::{Context, Result, bail};
use headwater_e2e::{
    Chance,
    shift::{self, Shift},
    story::{self, Plan},
};

fn main() -> Result<()> {
    let mut rounds = 200u64;
    let mut seed = Chance::fresh_seed();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().with_context(|| format!("{arg} needs a number"))?;
        match arg.as_str() {
            "--rounds" => rounds = value.parse()?,
            "--seed" => seed = value.parse()?,
            other => bail!("unknown option `{other}`: there are --rounds N and --seed S"),
        }
    }
    println!("seed {seed}");
    let mut chance = Chance::new(seed);
    for round in 1..=rounds {
        let plan = Plan {
            runs: 1 + usize::try_from(chance.below(30))?,
            events: 20 + usize::try_from(chance.below(120))?,
            kills: 1 + usize::try_from(chance.below(8))?,
            seed: chance.below(u64::MAX),
            ..Plan::default()
        };
        let report = story::play(&plan).with_context(|| format!("round {round} of seed {seed}: {plan:?}"))?;
        println!(
            "round {round}/{rounds}: {} runs, {} events, {} kills, {} stored before their answer was lost, {:.1?}",
            plan.runs, report.answered, plan.kills, report.stored_before, report.took
        );
        let shift = Shift {
            runs: 1 + usize::try_from(chance.below(60))?,
            events: 5 + usize::try_from(chance.below(40))?,
            kills: 1 + usize::try_from(chance.below(30))?,
            seed: chance.below(u64::MAX),
            ..Shift::default()
        };
        let report =
            shift::work(&shift).with_context(|| format!("round {round} of seed {seed}: {shift:?}"))?;
        println!(
            "round {round}/{rounds}: {} events handled, {} of them again, {} kills, {:.1?}",
            report.handled, report.again, shift.kills, report.took
        );
    }
    Ok(())
}
