//! The decoder against a plain reading of the standard, wherever the chunks are cut.

use bytes::Bytes;
use proptest::prelude::*;

use super::Decoder;

/// A frame as the tests compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    id: String,
    event: String,
    data: Option<String>,
    retry: Option<u64>,
    merged: Option<u32>,
}

fn decode(chunks: &[&[u8]]) -> Vec<Seen> {
    let mut decoder = Decoder::new(1 << 20);
    let mut seen = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(frame) = decoder.next().expect("no line is near the limit") {
            let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            seen.push(Seen {
                id: text(frame.id),
                event: text(frame.event),
                data: frame.data.as_deref().map(text),
                retry: frame.retry.map(|r| u64::try_from(r.as_millis()).unwrap()),
                merged: frame.merged,
            });
        }
    }
    seen
}

/// The standard, line by line over the whole body.
fn reference(body: &str) -> Vec<Seen> {
    let body = body.strip_prefix('\u{feff}').unwrap_or(body).replace("\r\n", "\n").replace('\r', "\n");
    let blank = Seen { id: String::new(), event: String::new(), data: None, retry: None, merged: None };
    let (mut now, mut known, mut seen) = (blank.clone(), false, Vec::new());
    // What stands behind the last line end is no line.
    let lines: Vec<&str> = body.split('\n').collect();
    for line in &lines[..lines.len() - 1] {
        if line.is_empty() {
            if known {
                seen.push(now.clone());
            }
            now = Seen { id: now.id, ..blank.clone() };
            known = false;
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        let number = || Some(value).filter(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()));
        match name {
            "data" => {
                now.data =
                    Some(now.data.take().map_or_else(|| value.to_owned(), |have| format!("{have}\n{value}")));
            }
            "event" => value.clone_into(&mut now.event),
            "id" if !value.contains('\0') => value.clone_into(&mut now.id),
            "retry" => now.retry = number().and_then(|n| n.parse().ok()).or(now.retry),
            "merged" => now.merged = number().and_then(|n| n.parse().ok()),
            _ => continue,
        }
        known = true;
    }
    seen
}

fn cut(body: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    cuts.retain(|&c| c <= body.len());
    cuts.sort_unstable();
    cuts.push(body.len());
    let mut from = 0;
    cuts.into_iter().map(|to| &body[std::mem::replace(&mut from, to)..to]).collect()
}

fn body() -> impl Strategy<Value = String> {
    let end = prop_oneof![Just("\n"), Just("\r"), Just("\r\n")];
    let name = prop_oneof![
        Just("data"),
        Just("event"),
        Just("id"),
        Just("retry"),
        Just("merged"),
        Just(""),
        Just("other"),
        Just("dat"),
    ];
    let value = prop_oneof!["[ -~é]{0,12}", "[0-9]{1,4}", Just(String::new()), Just("a\0b".to_owned())];
    let joint = prop_oneof![Just(":"), Just(": "), Just(":  "), Just("")];
    let line = (name, joint, value, any::<bool>()).prop_map(|(name, joint, value, blank)| {
        if blank && name.is_empty() { String::new() } else { format!("{name}{joint}{value}") }
    });
    let line = prop_oneof![3 => line, 1 => Just(String::new())];
    (any::<bool>(), prop::collection::vec((line, end), 0..24)).prop_map(|(mark, lines)| {
        let mut body = String::from(if mark { "\u{feff}" } else { "" });
        for (line, end) in lines {
            body.push_str(&line);
            body.push_str(end);
        }
        body
    })
}

proptest! {
    #[test]
    fn any_cut_gives_the_frames_of_the_standard(body in body(), cuts in prop::collection::vec(0usize..400, 0..12)) {
        prop_assert_eq!(decode(&cut(body.as_bytes(), cuts)), reference(&body));
    }

    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(0usize..300, 0..8)) {
        prop_assert_eq!(decode(&cut(&body, cuts)), decode(&[&body]));
    }
}

#[test]
fn every_single_cut_of_a_body_with_every_line_end_gives_the_same() {
    let body = "\u{feff}id: 1\r\ndata: a\r\rid:2\n\n: note\nevent: x\rdata:b\ndata\n\nid\ndata: c\r\n\r\nretry: 5\n\ndata: lost";
    let want = reference(body);
    assert_eq!(want.len(), 5);
    for at in 0..=body.len() {
        assert_eq!(decode(&[&body.as_bytes()[..at], &body.as_bytes()[at..]]), want, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(decode(&bytes), want);
}

#[test]
fn a_block_without_data_moves_the_id_and_dispatches_nothing() {
    let seen = decode(&[b"id: 7\n\nevent: x\n\ndata: a\n\n"]);
    assert_eq!(
        seen.iter().map(|s| (s.id.as_str(), s.data.as_deref())).collect::<Vec<_>>(),
        [("7", None), ("7", None), ("7", Some("a"))]
    );
    assert_eq!(seen[2].event, "", "the name of the block before is forgotten");
}

#[test]
fn an_id_with_nul_is_ignored() {
    let seen = decode(&[b"id: 1\n\nid: 2\x003\ndata: a\n\n"]);
    assert_eq!(seen[1].id, "1");
}

#[test]
fn what_is_over_the_limit_is_refused() {
    let mut decoder = Decoder::new(8);
    decoder.push(Bytes::from_static(b"data: 0123456789\n\n"));
    assert!(decoder.next().is_err());
    let mut decoder = Decoder::new(8);
    decoder.push(Bytes::from_static(b"no end of line in sight"));
    assert!(decoder.next().is_err());
}
