//! Certificates for servers of this rig, and the authority that signs them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, string::Ia5String,
};

use super::scratch::Scratch;

/// Signs certificates; made anew for each run.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Files of one certificate.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// PEM: the certificate.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
    /// Its DNS names.
    pub names: Vec<String>,
}

impl Authority {
    /// Makes an authority.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Wrongway test authority");
        let key = KeyPair::generate().context("cannot make a key")?;
        let issuer = CertifiedIssuer::self_signed(params, key).context("cannot sign the authority")?;
        Ok(Self { issuer })
    }

    /// Writes the authority's own certificate as PEM into the directory under the label, for those who verify.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, scratch: &Scratch, label: &str) -> Result<PathBuf> {
        scratch.write(&format!("{label}.crt"), self.issuer.pem())
    }

    /// Makes a certificate for DNS names, with 127.0.0.1 beside them if `address` is set, and writes it into
    /// the directory under the label.
    ///
    /// # Errors
    ///
    /// When a name is no DNS name or a file cannot be written.
    pub fn certify(
        &self,
        scratch: &Scratch,
        label: &str,
        names: &[&str],
        address: bool,
    ) -> Result<Certificate> {
        let mut params = CertificateParams::default();
        for name in names {
            let name = Ia5String::try_from(*name).with_context(|| format!("not a DNS name: {name}"))?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        if address {
            let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
            params.subject_alt_names.push(SanType::IpAddress(loopback));
        }
        params.distinguished_name.push(DnType::CommonName, label);
        let key = KeyPair::generate().context("cannot make a key")?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .with_context(|| format!("cannot sign a certificate for {label}"))?;
        Ok(Certificate {
            certificate: scratch.write(&format!("{label}.crt"), certificate.pem())?,
            key: scratch.write(&format!("{label}.key"), key.serialize_pem())?,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_written_with_its_key() {
        let scratch = Scratch::new("test").unwrap();
        let authority = Authority::new().unwrap();
        let certificate = authority
            .certify(&scratch, "shop", &["shop.example", "*.shop.example"], true)
            .unwrap();
        let pem = std::fs::read_to_string(&certificate.certificate).unwrap();
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(certificate.key.is_file());
    }
}
