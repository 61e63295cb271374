//! Posts JSON. Nothing that a receiver answers or does not answer can hold up more than its own thread, and not that
//! for long.

use std::fmt;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// For everything from the name's resolution to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Of an answer that explains itself, this much is logged.
const EXCERPT: u64 = 512;

/// An HTTP client that follows no redirects and asks no proxies: alerts go where the policy says, or nowhere.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    url: String,
}

/// Why a receiver was not told.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may work later.
    Passing(String),
    /// The same again would be refused again.
    Lasting(String),
}

impl Client {
    pub(super) fn new(url: String) -> Self {
        // Receivers inside an organisation have certificates of its own authority, which the system knows.
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .proxy(None)
            .http_status_as_error(false)
            .user_agent(concat!("wrongway/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Self {
            agent: config.into(),
            url,
        }
    }

    /// Posts a JSON text. `key` names what it tells, the same each time it is tried.
    pub(super) fn post(&self, body: &[u8], key: Option<&str>) -> Result<(), Failure> {
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let mut answer = match request.send(body) {
            Ok(answer) => answer,
            Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_))) => {
                return Err(Failure::Lasting(error.to_string()));
            }
            Err(error) => return Err(Failure::Passing(error.to_string())),
        };
        let status = answer.status().as_u16();
        let excerpt = answer.body_mut().with_config().limit(EXCERPT).lossy_utf8(true);
        // The body is a courtesy; the status stands without it.
        let excerpt = excerpt.read_to_string().unwrap_or_default();
        match status {
            200..=299 => Ok(()),
            // Request Timeout, Misdirected Request, Too Early, Too Many Requests; and the server's own trouble.
            408 | 421 | 425 | 429 | 500.. => Err(Failure::Passing(told(status, &excerpt))),
            _ => Err(Failure::Lasting(told(status, &excerpt))),
        }
    }
}

impl Failure {
    /// Whether the same again would be refused again.
    pub(super) const fn is_lasting(&self) -> bool {
        matches!(self, Self::Lasting(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing(reason) | Self::Lasting(reason) => formatter.write_str(reason),
        }
    }
}

fn told(status: u16, excerpt: &str) -> String {
    match excerpt.trim() {
        "" => format!("status {status}"),
        excerpt => format!("status {status}: {excerpt:?}"),
    }
}

/// The receiver without what may be secret in its URL: scheme, host and port.
pub(super) fn shown(url: &str) -> String {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return "an invalid URL".to_owned();
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{}://{host}", uri.scheme_str().unwrap_or("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_url_are_not_shown() {
        let url = "https://user:password@hooks.example:8443/services/T0/B0/secret?token=x";
        assert_eq!(shown(url), "https://hooks.example:8443");
        assert_eq!(shown("no url at all"), "an invalid URL");
    }
}
