//! What a server must be.

use headwater_store::Error;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Another one with every start of the process.
    pub(crate) run_id: String,
    /// Which server it is, over restarts, as far as can be told.
    pub(crate) name: String,
    /// For how many seconds it has been running.
    pub(crate) uptime: u64,
    /// Its product and version, for people.
    pub(crate) version: String,
    /// It has an append-only file.
    pub(crate) appends: bool,
    /// Nothing that was answered can be missing after a restart.
    pub(crate) safe: bool,
}

/// Why a server was not taken.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// It never will be, unless somebody changes its settings.
    Settings(String),
    /// It may be later: it is loading, or a replica that may be promoted.
    Later(String),
}

impl Unfit {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Settings(reason) => Error::config(reason),
            Self::Later(reason) => Error::unavailable(reason),
        }
    }
}

/// Reads `INFO` and the two settings of the append-only file (where the server tells them), and says what is wrong.
pub(crate) fn check(
    info: &str,
    address: &str,
    settings: &[(String, String)],
    by_sentinel: bool,
) -> Result<Server, Unfit> {
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map_or("", str::trim)
    };
    let setting = |name: &str| settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let version = field("redis_version");
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut number = || numbers.next().unwrap_or(0);
    // Up to 6.2.6 XTRIM takes newer entries too when those of a stream are far apart.
    if (number(), number(), number()) < (6, 2, 7) {
        return Err(Unfit::Settings(format!(
            "Redis {version} at {address} is too old: use Redis 6.2.7 or newer, or Valkey"
        )));
    }
    if field("redis_mode") == "cluster" || field("cluster_enabled") == "1" {
        return Err(Unfit::Settings(format!(
            "Redis at {address} is a node of a cluster, which cannot store a run and its lanes in one step: use one \
             primary, with replicas and Sentinel (redis+sentinel://host:26379/mymaster) if it must fail over"
        )));
    }
    let policy = field("maxmemory_policy");
    if !policy.is_empty() && policy != "noeviction" {
        return Err(Unfit::Settings(format!(
            "Redis at {address} may evict events without a word: set maxmemory-policy to noeviction (it is {policy})"
        )));
    }
    if field("loading") == "1" {
        return Err(Unfit::Later(format!("Redis at {address} is loading its data")));
    }
    if field("role") != "master" {
        let what = format!("Redis at {address} is a replica");
        return Err(match by_sentinel {
            true => Unfit::Later(what),
            false => Unfit::Settings(format!("{what}: give the address of the primary, or of its Sentinels")),
        });
    }
    let appends = field("aof_enabled") == "1";
    let always = setting("appendfsync") == Some("always")
        && setting("no-appendfsync-on-rewrite").is_none_or(|value| value == "no");
    let product = match field("valkey_version") {
        "" => format!("Redis {version}"),
        valkey => format!("Valkey {valkey}"),
    };
    Ok(Server {
        run_id: field("run_id").to_owned(),
        name: format!("{address} {}", field("tcp_port")),
        uptime: field("uptime_in_seconds").parse().unwrap_or(0),
        version: product,
        appends,
        safe: appends && always,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "redis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:abc\r\ntcp_port:1\r\n\
        loading:0\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\nrole:master\r\ncluster_enabled:0\r\n";

    fn settings(fsync: &str) -> Vec<(String, String)> {
        vec![
            ("appendfsync".to_owned(), fsync.to_owned()),
            ("no-appendfsync-on-rewrite".to_owned(), "no".to_owned()),
        ]
    }

    fn refusal(from: &str, to: &str) -> String {
        match check(&GOOD.replace(from, to), "h:1", &settings("always"), false) {
            Err(Unfit::Settings(why)) => why,
            other => panic!("a refusal, not {other:?}"),
        }
    }

    #[test]
    fn a_good_server_is_taken() {
        let server = check(GOOD, "h:1", &settings("always"), false).unwrap();
        assert!(server.safe && server.appends && server.run_id == "abc");
        let server = check(GOOD, "h:1", &settings("everysec"), false).unwrap();
        assert!(!server.safe && server.appends);
        assert!(!check(GOOD, "h:1", &[], false).unwrap().safe, "a server that does not tell is not trusted");
    }

    #[test]
    fn a_server_that_will_not_do_is_refused_with_the_reason() {
        assert!(refusal("7.0.15", "6.0.9").contains("6.2.7"));
        assert!(refusal("7.0.15", "6.2.6").contains("6.2.7"));
        assert!(check(&GOOD.replace("7.0.15", "6.2.7"), "h:1", &[], false).is_ok());
        assert!(refusal("standalone", "cluster").contains("cluster"));
        assert!(refusal("noeviction", "allkeys-lru").contains("maxmemory-policy"));
        assert!(refusal("role:master", "role:slave").contains("replica"));
        let loading = check(&GOOD.replace("loading:0", "loading:1"), "h:1", &[], false);
        assert!(matches!(loading, Err(Unfit::Later(_))));
        let replica = check(&GOOD.replace("role:master", "role:slave"), "h:1", &[], true);
        assert!(matches!(replica, Err(Unfit::Later(_))));
    }
}
