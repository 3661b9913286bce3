//! Workers in processes of their own, killed together with the gateway.

use headwater_e2e::{
    Chance,
    shift::{self, Crew, Shift},
};

fn play(shift: &Shift) -> shift::Report {
    println!("{shift:?}");
    shift::work(shift).unwrap_or_else(|error| panic!("{shift:?}: {error:#}"))
}

#[test]
fn workers_and_the_gateway_are_killed_twenty_times_and_no_work_is_lost() {
    let shift = Shift { runs: 40, events: 25, kills: 20, seed: Chance::fresh_seed(), ..Shift::default() };
    assert_eq!(play(&shift).handled, 1_000);
}

#[test]
fn workers_in_plain_python_are_killed_five_times_and_no_work_is_lost() {
    let seed = Chance::fresh_seed();
    let shift = Shift { runs: 20, events: 10, kills: 5, seed, crew: Crew::Python };
    assert_eq!(play(&shift).handled, 200);
}
