//! Any list is a filter or an error, and a filter comes back from its own text.
#![no_main]

use headwater_events::Filter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str)| {
    let (list, ty, subject) = input;
    for filter in [Filter::types(list), Filter::all().and_subjects(list), Filter::all().and_sources(list)] {
        let Ok(filter) = filter else { continue };
        let passes = filter.matches_parts(ty, subject, subject);
        assert!(passes || !filter.is_all());
        let again = Filter::types(&filter.types_list())
            .and_then(|f| f.and_subjects(&filter.subjects_list()))
            .and_then(|f| f.and_sources(&filter.sources_list()))
            .expect("its own lists are lists");
        assert_eq!(again, filter);
    }
});
