//! Settings that hold what must not be seen.

use headwater::BrokerUrl;

/// Whether the value of a setting may hold a password.
pub(super) fn may_hold(key: &str) -> bool {
    matches!(key, "token" | "ticket-secret" | "broker" | "url" | "database")
}

/// The value of a setting as it may be shown.
pub(crate) fn shown(key: &str, value: &str) -> String {
    match key {
        _ if !may_hold(key) => value.to_owned(),
        "token" | "ticket-secret" => "***".to_owned(),
        // A password may also stand in the query, and one that was not escaped may hold any letter.
        "database" => match value.rsplit_once('@') {
            Some((_, place)) => format!("postgres://{}", place.split('?').next().unwrap_or_default()),
            None => value.split('?').next().unwrap_or_default().to_owned(),
        },
        _ => match value.parse::<BrokerUrl>() {
            Ok(url) => url.to_string(),
            Err(error) => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn passwords_are_not_shown_and_the_rest_is() {
        assert_eq!(shown("token", "secret"), "***");
        assert_eq!(shown("ticket-secret", "secret"), "***");
        assert_eq!(shown("broker", "http://me:secret@host:1/x"), "http://host:1/x");
        assert!(!shown("url", "amqp://me:secret@host").contains("secret"));
        assert_eq!(shown("broker", "embedded:./data"), "embedded:./data");
        assert_eq!(shown("database", "postgres://me:sec@ret@host/db?password=secret"), "postgres://host/db");
        assert_eq!(shown("database", "postgres://host/db?password=secret"), "postgres://host/db");
        assert_eq!(shown("limit-event", "1MiB"), "1MiB");
    }
}
