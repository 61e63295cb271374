//! nginx in front of a server, as its users configure it.

use std::fmt::Write as _;

use crate::rig::certificate::Certificate;

/// What stands in `http { … }` of an nginx that passes everything on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front<'a> {
    pub(super) port: u16,
    pub(super) certificate: &'a Certificate,
    /// Beside the server block, such as an upstream block.
    pub(super) outside: &'a str,
    /// `address:port`, or the name of an upstream block.
    pub(super) upstream: &'a str,
    /// Beside `proxy_pass`.
    pub(super) location: &'a [String],
}

impl Front<'_> {
    pub(super) fn text(&self) -> String {
        let mut location = String::new();
        for line in self.location {
            // Writing to a string cannot fail.
            let _ = writeln!(location, "      {line}");
        }
        format!(
            "{outside}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location / {{
      proxy_pass https://{upstream};
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Host $host;
{location}    }}
  }}",
            outside = self.outside,
            port = self.port,
            certificate = self.certificate.certificate.display(),
            key = self.certificate.key.display(),
            upstream = self.upstream,
        )
    }
}
