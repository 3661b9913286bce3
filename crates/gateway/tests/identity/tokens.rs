//! JSON Web Tokens: each algorithm, and what must not pass.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use headwater_broker::{Broker, BrokerConfig};
use headwater_gateway::{AuthConfig, Authority, FetchKeys, Gateway, GatewayConfig};
use headwater_store::{Clock as _, MemoryOptions, MemoryStore, SystemClock};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use serde_json::{Value, json};

use crate::support::{Request, Server};

const RSA: &[u8] = include_bytes!("rsa.pk8");
const RSA_PUBLIC: &str = include_str!("rsa.pub.pem");
const SECRET: &str = "a-secret-that-is-long-enough-for-HS256";

/// Who signs.
enum Signer {
    Hs256,
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

fn signers() -> Vec<Signer> {
    let random = SystemRandom::new();
    let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let ec = EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
    let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    vec![
        Signer::Hs256,
        Signer::Rs256(RsaKeyPair::from_pkcs8(RSA).unwrap()),
        Signer::Es256(EcdsaKeyPair::from_pkcs8(curve, ec.as_ref(), &random).unwrap()),
        Signer::EdDsa(Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap()),
    ]
}

impl Signer {
    fn name(&self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256(_) => "RS256",
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Hs256 => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message).as_ref().to_vec()
            }
            Self::Rs256(key) => {
                let mut tag = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut tag).unwrap();
                tag
            }
            Self::Es256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::EdDsa(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    fn token(&self, header: Value, claims: &Value) -> String {
        let mut header = header;
        if header["alg"].is_null() {
            header["alg"] = self.name().into();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let tag = URL_SAFE_NO_PAD.encode(self.sign(message.as_bytes()));
        format!("{message}.{tag}")
    }

    /// The public key as a file has it.
    fn file(&self) -> String {
        let pem = |prefix: &[u8], key: &[u8]| {
            use base64::engine::general_purpose::STANDARD;
            let text = STANDARD.encode([prefix, key].concat());
            format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
        };
        match self {
            Self::Hs256 => SECRET.to_owned(),
            Self::Rs256(_) => RSA_PUBLIC.to_owned(),
            Self::Es256(key) => pem(P256, key.public_key().as_ref()),
            Self::EdDsa(key) => pem(ED25519, key.public_key().as_ref()),
        }
    }

    /// The public key as a provider shows it.
    fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Hs256 => json!({ "kty": "oct", "kid": kid, "k": text(SECRET.as_bytes()) }),
            Self::Rs256(key) => {
                let PublicKeyComponents::<Vec<u8>> { n, e } = key.public().into();
                json!({ "kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": text(&n), "e": text(&e) })
            }
            Self::Es256(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": text(x), "y": text(y) })
            }
            Self::EdDsa(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(key.public_key().as_ref()) })
            }
        }
    }
}

/// What stands before a point of P-256, and before a key of Ed25519.
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ED25519: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

fn claims() -> Value {
    let exp = SystemClock.now().as_second() + 600;
    json!({ "sub": "alice", "iss": "https://id", "aud": ["headwater", "else"], "exp": exp, "tenant": "acme",
        "scope": "openid subscribe publish", "streams": ["wf-*"] })
}

fn with(member: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(member)),
        value => claims[member] = value,
    }
    claims
}

async fn status(server: &Server, token: &str) -> u16 {
    let request = Request::new("GET", "/v1/streams").header("authorization", &format!("Bearer {token}"));
    request.send(server.addr).await.status
}

fn config(dir: &Path, signers: &[Signer]) -> AuthConfig {
    let file = |signer: &Signer| {
        let path = dir.join(signer.name());
        std::fs::write(&path, signer.file()).unwrap();
        path
    };
    AuthConfig {
        jwt_keys: signers.iter().map(file).collect(),
        issuer: Some("https://id".into()),
        audience: Some("headwater".into()),
        ..AuthConfig::default()
    }
}

#[tokio::test]
async fn tokens_of_each_algorithm_are_accepted_and_forged_ones_are_not() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), signers());
    let server = Server::guarded(GatewayConfig::default(), config(dir.path(), &signers)).await;
    for signer in &signers {
        let good = signer.token(json!({}), &claims());
        // The second time it is remembered.
        assert_eq!(
            (status(&server, &good).await, status(&server, &good).await),
            (200, 200),
            "{}",
            signer.name()
        );
        let (body, tag) = good.rsplit_once('.').unwrap();
        let other = signer.token(json!({}), &with("tenant", json!("other")));
        let (other_body, _) = other.rsplit_once('.').unwrap();
        for bad in [format!("{other_body}.{tag}"), format!("{body}."), body.to_owned(), format!("{good}A")] {
            assert_eq!(status(&server, &bad).await, 401, "{}: {bad}", signer.name());
        }
        for claims in [
            with("exp", json!(SystemClock.now().as_second() - 600)),
            with("exp", Value::Null),
            with("exp", json!("tomorrow")),
            with("nbf", json!(SystemClock.now().as_second() + 600)),
            with("iss", json!("https://evil")),
            with("iss", Value::Null),
            with("aud", json!("else")),
            with("aud", Value::Null),
            with("tenant", Value::Null),
            with("tenant", json!("no tenant")),
            with("scope", json!("openid")),
        ] {
            let token = signer.token(json!({}), &claims);
            assert_eq!(status(&server, &token).await, 401, "{}: {claims}", signer.name());
        }
    }
}

/// The public key is known to everybody: it must not pass as a secret.
#[tokio::test]
async fn a_token_does_not_choose_how_it_is_checked() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), signers());
    let only_rsa = AuthConfig { jwt_keys: Vec::new(), ..config(dir.path(), &signers) };
    let only_rsa = AuthConfig { jwt_keys: vec![dir.path().join("RS256")], ..only_rsa };
    let server = Server::guarded(GatewayConfig::default(), only_rsa).await;
    let header = json!({ "alg": "HS256" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims()));
    for secret in [RSA_PUBLIC.as_bytes(), RSA_PUBLIC.trim().as_bytes(), b""] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(status(&server, &forged).await, 401);
    }
    for alg in ["none", "RS512", "PS256", "ES256"] {
        let token = signers[1].token(json!({ "alg": alg }), &claims());
        assert_eq!(status(&server, &token).await, 401, "{alg}");
    }
    assert_eq!(status(&server, &signers[1].token(json!({}), &claims())).await, 200);
}

/// Whoever knows a public key could sign with it, if a file of it in another form were read as a secret.
#[tokio::test]
async fn a_public_key_in_another_form_is_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    for form in [
        format!("\u{feff}{RSA_PUBLIC}"),
        format!("# ours\n{RSA_PUBLIC}"),
        format!("[{}]", signers()[1].jwk("a")),
    ] {
        std::fs::write(&path, &form).unwrap();
        let auth = AuthConfig { jwt_keys: vec![path.clone()], ..AuthConfig::default() };
        let error = Authority::open(auth, Arc::new(SystemClock), None).await.unwrap_err();
        assert!(error.contains("neither PEM nor a JWKS"), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_names_no_stream_or_type_is_not_for_all() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), signers());
    let server = Server::guarded(GatewayConfig::default(), config(dir.path(), &signers)).await;
    for member in ["streams", "publish_types", "read_types"] {
        for nothing in [json!([]), json!([""]), json!([" "]), json!(["acme", ""])] {
            let token = signers[3].token(json!({}), &with(member, nothing.clone()));
            assert_eq!(status(&server, &token).await, 401, "{member}: {nothing}");
        }
    }
    let token = signers[3].token(json!({}), &with("read_types", json!([","])));
    assert_eq!(status(&server, &token).await, 401);
    // What is not there does not limit.
    let token = signers[3].token(json!({}), &with("streams", Value::Null));
    assert_eq!(status(&server, &token).await, 200);
}

#[tokio::test]
async fn a_token_is_for_its_tenant_and_streams() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), signers());
    let server = Server::guarded(GatewayConfig::default(), config(dir.path(), &signers)).await;
    let bearer = format!("Bearer {}", signers[3].token(json!({}), &claims()));
    let get = async |path: &str, tenant: &str| {
        let request = Request::new("GET", path).header("authorization", &bearer);
        request.header("headwater-tenant", tenant).send(server.addr).await
    };
    assert_eq!(get("/v1/streams/wf-1/events", "acme").await.status, 200);
    get("/v1/streams/wf-1/events", "other").await.problem(403, "forbidden");
    get("/v1/streams/x/events", "acme").await.problem(403, "forbidden");
    get("/v1/groups", "acme").await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_providers_new_key_is_fetched_and_an_outage_changes_nothing() {
    let signers = signers();
    let shown = Arc::new(Mutex::new(Err("away".to_owned())));
    let fetch: FetchKeys = {
        let shown = Arc::clone(&shown);
        Arc::new(move |url| {
            assert_eq!(url, "https://id.example/keys");
            let answer: Result<Bytes, String> = shown.lock().unwrap().clone();
            Box::pin(std::future::ready(answer))
        })
    };
    let auth = AuthConfig {
        jwks_url: Some("https://id.example/keys".into()),
        jwks_refresh_ms: 20,
        ..AuthConfig::default()
    };
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let broker = Arc::new(Broker::open(store, BrokerConfig::default()).await.unwrap());
    let authority = Authority::open(auth, Arc::new(SystemClock), Some(fetch)).await.unwrap();
    let gateway = Gateway::guarded(broker.clone(), GatewayConfig::default(), authority);
    let server = Server::of(broker, gateway).await;
    let show = |keys: Vec<Value>| *shown.lock().unwrap() = Ok(json!({ "keys": keys }).to_string().into());
    let token = |at: usize, kid: &str| signers[at].token(json!({ "kid": kid }), &claims());
    assert_eq!(status(&server, &token(1, "a")).await, 401);
    show(vec![signers[1].jwk("a"), signers[0].jwk("secret"), json!({ "kty": "EC", "crv": "P-521" })]);
    until(&server, &token(1, "a"), 200).await;
    assert_eq!(status(&server, &token(0, "secret")).await, 401, "a secret that a provider shows is none");
    show(vec![signers[2].jwk("b"), signers[3].jwk("c")]);
    until(&server, &token(2, "b"), 200).await;
    assert_eq!(status(&server, &token(3, "c")).await, 200);
    assert_eq!(status(&server, &token(3, "b")).await, 401, "a key is found by its id");
    until(&server, &token(1, "a"), 401).await;
    *shown.lock().unwrap() = Err("away".into());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status(&server, &token(2, "b")).await, 200);
}

#[tokio::test]
async fn an_open_stream_ends_when_the_key_of_its_token_is_gone() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), signers());
    let auth = AuthConfig { look_ms: 20, ..config(dir.path(), &signers) };
    let server = Server::guarded(GatewayConfig { heartbeat_ms: 50, ..GatewayConfig::default() }, auth).await;
    let open = async |at: usize| {
        let bearer = format!("Bearer {}", signers[at].token(json!({}), &claims()));
        server.sse_with("/v1/streams/wf-1/events", &[("authorization", bearer.as_str())]).await
    };
    let (mut ends, mut stays) = (open(2).await, open(3).await);
    std::fs::write(dir.path().join("ES256"), signers[3].file()).unwrap();
    let blocks = ends.rest().await;
    let error = blocks.iter().find(|block| block.event() == Some("headwater.error")).expect("an error");
    assert_eq!(error.json()["code"], "unauthenticated");
    assert_eq!(stays.frame().await.unwrap().event(), Some("headwater.caught-up"));
    assert!(stays.block().await.unwrap().has_comment(), "others go on");
}

async fn until(server: &Server, token: &str, wanted: u16) {
    crate::support::until(async || status(server, token).await == wanted).await;
}
