//! Where the server is, from a URL.

use std::{fmt, path::PathBuf};

use headwater_store::Error;
use redis::{ConnectionInfo, IntoConnectionInfo};

/// One server, or a name that Sentinels know.
#[derive(Clone)]
pub(crate) struct Target {
    /// The server; behind Sentinels: how it is connected to, with the address of the first Sentinel.
    pub(crate) server: ConnectionInfo,
    pub(crate) sentinel: Option<Sentinels>,
    /// `?namespace=`, if the URL has it.
    pub(crate) namespace: Option<String>,
    /// `?tls_ca=`, if the URL has it.
    pub(crate) tls_ca: Option<PathBuf>,
    /// The URL without credentials.
    shown: String,
}

/// The Sentinels that watch a server.
#[derive(Clone)]
pub(crate) struct Sentinels {
    pub(crate) nodes: Vec<ConnectionInfo>,
    /// What they call it.
    pub(crate) master: String,
}

const SENTINEL_PORT: u16 = 26379;

impl Target {
    /// Takes a URL apart: `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS, and
    /// `redis+sentinel://[user:password@]host[:port],host…/master[/db]`, each with `?namespace=…` and
    /// `tls_ca=FILE` if it must be.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| malformed("it has no scheme"))?;
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, part)| (rest, Some(part)));
        let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, query)| (rest, query));
        let Query { namespace, tls_ca, others } = Query::parse(query)?;
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) =
            hosts.rsplit_once('@').map_or((None, hosts), |(login, rest)| (Some(login), rest));
        let (plain, by_sentinel) = match scheme {
            "redis" | "valkey" => ("redis", false),
            "rediss" | "valkeys" => ("rediss", false),
            "redis+sentinel" | "valkey+sentinel" => ("redis", true),
            "rediss+sentinel" | "valkeys+sentinel" => ("rediss", true),
            _ => {
                return Err(malformed(
                    "its scheme is none of redis, rediss, redis+sentinel and rediss+sentinel",
                ));
            }
        };
        let shown = format!("{scheme}://{hosts}{}{path}", if path.is_empty() { "" } else { "/" });
        let login = login.map_or(String::new(), |login| format!("{login}@"));
        let tail = if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) }
            + &fragment.map_or(String::new(), |part| format!("#{part}"));
        let info = |login: &str, host: &str, db: &str| {
            let url = format!("{plain}://{login}{host}/{db}{tail}");
            url.into_connection_info().map_err(|error| malformed(error.detail().unwrap_or(error.category())))
        };
        if !by_sentinel {
            return Ok(Self { server: info(&login, hosts, path)?, sentinel: None, namespace, tls_ca, shown });
        }
        let (master, db) = path.split_once('/').unwrap_or((path, ""));
        if master.is_empty() {
            return Err(malformed("it does not name the master: redis+sentinel://host:26379/mymaster"));
        }
        let nodes: Result<Vec<_>, _> = hosts
            .split(',')
            .map(|host| {
                let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                let host = if has_port { host.to_owned() } else { format!("{host}:{SENTINEL_PORT}") };
                info("", &host, "")
            })
            .collect();
        let nodes = nodes?;
        let first = hosts.split(',').next().unwrap_or(hosts);
        let server = info(&login, first, db)?;
        let sentinel = Some(Sentinels { nodes, master: master.to_owned() });
        Ok(Self { server, sentinel, namespace, tls_ca, shown })
    }
}

impl fmt::Display for Target {
    /// The URL without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// What stands behind `?`.
#[derive(Default)]
struct Query<'a> {
    namespace: Option<String>,
    tls_ca: Option<PathBuf>,
    /// What the client is to know.
    others: Vec<&'a str>,
}

impl<'a> Query<'a> {
    fn parse(query: &'a str) -> Result<Self, Error> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("namespace", name)) => parsed.namespace = Some(check_namespace(name)?.to_owned()),
                Some(("tls_ca", file)) => parsed.tls_ca = Some(file.into()),
                _ => parsed.others.push(pair),
            }
        }
        Ok(parsed)
    }
}

/// A namespace is the head of every key, so it has no colon.
pub(crate) fn check_namespace(name: &str) -> Result<&str, Error> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    let wrong = "the namespace of a Redis store must be 1 to 64 of A-Z a-z 0-9 . _ -";
    if fits { Ok(name) } else { Err(Error::config(wrong)) }
}

fn malformed(why: &str) -> Error {
    Error::config(format_args!("the URL of the Redis server cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server() {
        let target = Target::parse("redis://me:secret@h:7000/3?namespace=test&tls_ca=/ca.pem").unwrap();
        assert_eq!(target.server.addr().to_string(), "h:7000");
        assert_eq!(target.server.redis_settings().db(), 3);
        assert_eq!(target.server.redis_settings().password(), Some("secret"));
        assert_eq!(target.namespace.as_deref(), Some("test"));
        assert_eq!(target.tls_ca, Some("/ca.pem".into()));
        assert_eq!(target.to_string(), "redis://h:7000/3");
        assert_eq!(Target::parse("redis://h").unwrap().server.addr().to_string(), "h:6379");
        assert!(matches!(
            Target::parse("rediss://h").unwrap().server.addr(),
            redis::ConnectionAddr::TcpTls { .. }
        ));
    }

    #[test]
    fn behind_sentinels() {
        let target = Target::parse("redis+sentinel://:secret@a:1,b/main/2?namespace=x").unwrap();
        let sentinel = target.sentinel.clone().unwrap();
        let nodes: Vec<_> = sentinel.nodes.iter().map(|node| node.addr().to_string()).collect();
        assert_eq!((nodes, sentinel.master.as_str()), (vec!["a:1".to_owned(), "b:26379".to_owned()], "main"));
        assert_eq!(target.server.redis_settings().db(), 2);
        assert_eq!(target.server.redis_settings().password(), Some("secret"));
        assert_eq!(target.to_string(), "redis+sentinel://a:1,b/main/2");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for url in ["redis", "http://me:secret@h", "redis+sentinel://me:secret@h", "redis://me:secret@h/x"] {
            let error = Target::parse(url).map(|target| target.to_string()).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(Target::parse("redis://h?namespace=a:b").is_err());
    }
}
