//! Scopes, filters and starts as addresses.

use headwater_broker::Error;
use headwater_events::{Filter, Scope};
use headwater_store::Error as StoreError;
use reqwest::Url;

use crate::http::{Call, Http};

/// The call that reads a scope through a filter; where to start is left open.
pub(crate) fn events(http: &Http, scope: &Scope, filter: &Filter) -> Result<Call, Error> {
    let mut call = match scope {
        Scope::Stream(tenant, stream) => http.get(&["v1", "streams", stream.as_str(), "events"], tenant),
        Scope::Streams(tenant, streams) => {
            let mut call = http.get(&["v1", "events"], tenant);
            let names: Vec<_> = streams.iter().map(headwater_events::StreamName::as_str).collect();
            add(&mut call.url, "streams", &names.join(","));
            call
        }
        Scope::Tenant(tenant) => http.get(&["v1", "events"], tenant),
        Scope::Feed(_) => {
            return Err(StoreError::Unsupported { what: "the feed of a tenant over http".into() }.into());
        }
    };
    for (name, patterns) in [
        ("types", filter.types_list()),
        ("subject", filter.subjects_list()),
        ("source", filter.sources_list()),
    ] {
        if !patterns.is_empty() {
            add(&mut call.url, name, &patterns);
        }
    }
    Ok(call)
}

/// Adds one parameter.
pub(crate) fn add(url: &mut Url, name: &str, value: &str) {
    url.query_pairs_mut().append_pair(name, value);
}

#[cfg(test)]
mod tests {
    use headwater_events::{StreamName, Tenant};

    use super::*;
    use crate::HttpOptions;

    #[test]
    fn scopes_and_filters_have_their_addresses() {
        let http = Http::new("http://localhost:1/behind/a/proxy/", HttpOptions::default()).unwrap();
        let (tenant, stream) = (Tenant::default(), StreamName::new("wf:1@x+y").unwrap());
        let url = |scope, filter: &Filter| events(&http, &scope, filter).map(|call| call.url.to_string());
        let filter = Filter::types("llm, *.failed").unwrap().and_subjects("wf/task").unwrap();
        assert_eq!(
            url(Scope::Stream(tenant.clone(), stream.clone()), &filter).unwrap(),
            "http://localhost:1/behind/a/proxy/v1/streams/wf:1@x+y/events?types=llm%2C*.failed&subject=wf%2Ftask"
        );
        assert_eq!(
            url(Scope::Streams(tenant.clone(), vec![stream, "b".parse().unwrap()]), &Filter::all()).unwrap(),
            "http://localhost:1/behind/a/proxy/v1/events?streams=wf%3A1%40x%2By%2Cb"
        );
        assert_eq!(
            url(Scope::Tenant(tenant.clone()), &Filter::all()).unwrap(),
            "http://localhost:1/behind/a/proxy/v1/events"
        );
        assert_eq!(url(Scope::Feed(tenant), &Filter::all()).unwrap_err().code(), "unsupported");
    }
}
