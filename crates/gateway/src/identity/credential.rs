//! What a request shows.

use axum::extract::Query;
use http::{HeaderMap, Uri, header};

/// The cookie that holds a ticket.
pub(super) const COOKIE: &str = "headwater_ticket";
/// The parameter that holds a ticket.
const PARAMETER: &str = "ticket";

/// A credential as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// None at all.
    None,
    /// Something that cannot be one: another scheme, or several.
    Unreadable,
    /// From `Authorization`: a key, a token, or a ticket.
    Bearer(String),
    /// From the query or a cookie: only tickets may stand there.
    Ticket(String),
}

impl Credential {
    /// `Authorization`, else the parameter `ticket`, else the cookie. A key or a token is never taken from a URL: it
    /// would stand in logs and histories.
    pub(super) fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
        if let Some(value) = authorizations.next() {
            let bearer = value.to_str().ok().and_then(|text| {
                let (scheme, token) = text.split_once(' ')?;
                (scheme.eq_ignore_ascii_case("bearer") && authorizations.next().is_none())
                    .then_some(token.trim())
            });
            return bearer.map_or(Self::Unreadable, |token| Self::Bearer(token.to_owned()));
        }
        if let Some(ticket) = parameter(uri) {
            return Self::Ticket(ticket);
        }
        cookie(headers).map_or(Self::None, Self::Ticket)
    }
}

fn parameter(uri: &Uri) -> Option<String> {
    // The query is taken apart only where it may have one.
    uri.query().filter(|query| query.contains(PARAMETER))?;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs.into_iter().find_map(|(key, value)| (key == PARAMETER).then_some(value))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)], uri: &str) -> Credential {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        Credential::of(&headers, &uri.parse().unwrap())
    }

    #[test]
    fn the_header_wins_and_only_tickets_stand_elsewhere() {
        assert_eq!(of(&[], "/v1/events"), Credential::None);
        assert_eq!(of(&[("authorization", "bearer abc")], "/?ticket=t"), Credential::Bearer("abc".into()));
        assert_eq!(of(&[("authorization", "Basic abc")], "/?ticket=t"), Credential::Unreadable);
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
        assert_eq!(of(&twice, "/"), Credential::Unreadable);
        assert_eq!(
            of(&[("cookie", "a=b; headwater_ticket=c")], "/?ticket=t"),
            Credential::Ticket("t".into())
        );
        assert_eq!(of(&[("cookie", "a=b; headwater_ticket=c")], "/"), Credential::Ticket("c".into()));
        assert_eq!(of(&[], "/?token=abc&access_token=x"), Credential::None);
    }
}
