//! An unmodified CloudEvents SDK publishes, unmodified `EventSource` clients read, the server is killed in between.

use headwater_e2e::{
    Chance,
    story::{self, Plan},
};

#[test]
fn real_clients_miss_nothing_while_the_server_is_killed_five_times() {
    let plan = Plan { runs: 20, events: 100, kills: 5, seed: Chance::fresh_seed(), ..Plan::default() };
    println!("{plan:?}");
    let report = story::play(&plan).unwrap_or_else(|error| panic!("{plan:?}: {error:#}"));
    assert_eq!(report.answered, 2_000);
}
