//! Old versions become new ones, step by step.

use headwater_events::{
    Code, Event,
    upcast::{Error, Upcasters},
};
use serde_json::{Value, json};

/// `order.placed` had a total in euros, then cents, then cents with a currency.
fn orders() -> Upcasters {
    Upcasters::new()
        .with("order.placed.v1", "order.placed.v2", |data| {
            let euros = data["euros"].as_u64().ok_or("`euros` must be a whole number")?;
            Ok(json!({"cents": euros * 100}))
        })
        .unwrap()
        .with("order.placed.v2", "order.placed.v3", |mut data| {
            data["currency"] = json!("EUR");
            Ok(data)
        })
        .unwrap()
}

fn placed(version: u32, data: &Value) -> Event {
    Event::builder("/shop", format!("order.placed.v{version}")).subject("o-1").data(data).build().unwrap()
}

#[test]
fn every_version_arrives_at_the_newest() {
    let newest = json!({"cents": 300, "currency": "EUR"});
    for (version, data) in [(1, json!({"euros": 3})), (2, json!({"cents": 300})), (3, newest.clone())] {
        let old = placed(version, &data);
        let new = orders().apply(&old).unwrap();
        assert_eq!(new.ty(), "order.placed.v3");
        assert_eq!(new.data_as::<Value>().unwrap(), newest);
        assert_eq!((new.id(), new.time(), new.subject()), (old.id(), old.time(), old.subject()));
    }
}

#[test]
fn what_has_no_step_stays_the_very_same() {
    let event = placed(9, &json!({}));
    assert_eq!(orders().apply(&event).unwrap().json().as_ptr(), event.json().as_ptr());
}

#[test]
fn a_step_that_cannot_read_says_so() {
    let error = orders().apply(&placed(1, &json!({"euros": "three"}))).unwrap_err();
    assert_eq!(error.code(), Code::InvalidData);
    assert!(error.to_string().contains("`euros`"), "{error}");
}

#[test]
fn steps_lead_upwards_and_from_one_place() {
    let step: fn(Value) -> Result<Value, String> = Ok;
    for (from, to) in [("a.v2", "a.v1"), ("a.v1", "a.v1"), ("a.v1", "b.v2"), ("a", "a.v1"), ("a.v1", "a")] {
        assert!(matches!(Upcasters::new().with(from, to, step), Err(Error::NotHigher { .. })), "{from} {to}");
    }
    let one = Upcasters::new().with("a.v1", "a.v2", step).unwrap();
    assert!(matches!(one.with("a.v1", "a.v3", step), Err(Error::Twice { .. })));
}
