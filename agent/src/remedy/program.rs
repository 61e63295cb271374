//! Programs whose configuration is known.

/// A program whose configuration is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// Apache httpd.
    Apache,
    /// nginx.
    Nginx,
    /// `HAProxy`.
    Haproxy,
    /// Envoy.
    Envoy,
    /// Caddy.
    Caddy,
    /// Traefik.
    Traefik,
    /// Node.js.
    Node,
}

impl Program {
    /// By the path of an executable.
    pub fn of(exe: &str) -> Option<Self> {
        // Linux says so of one that was replaced, as by an upgrade.
        let exe = exe.strip_suffix(" (deleted)").unwrap_or(exe);
        match exe.rsplit('/').next()? {
            "apache2" | "httpd" => Some(Self::Apache),
            "nginx" | "nginx-debug" => Some(Self::Nginx),
            "haproxy" => Some(Self::Haproxy),
            "envoy" | "envoy-static" => Some(Self::Envoy),
            "caddy" => Some(Self::Caddy),
            "traefik" => Some(Self::Traefik),
            "node" | "nodejs" => Some(Self::Node),
            _ => None,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apache => "apache",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Node => "node",
        }
    }
}
