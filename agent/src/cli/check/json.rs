//! The report as JSON, one object a line. Unknown is null.

use serde::Serialize;

use crate::check::cure::{Family, Remedied};
use crate::check::expectation::Expected;
use crate::check::findings::{Finding, Level};
use crate::check::plan::Sni;
use crate::check::target::Target;
use crate::check::{Judged, Presented, Report};
use crate::verdict::{Protocol, SniState};

/// Certificates, answers, findings and what helps, in this order, then the summary.
pub(super) fn lines(target: &Target, report: &Report) -> serde_json::Result<Vec<String>> {
    let mut lines = Vec::new();
    for presented in &report.certificates {
        lines.push(serde_json::to_string(&Handshake::new(presented, report))?);
    }
    for judged in &report.answers {
        lines.push(serde_json::to_string(&Answer::new(judged))?);
    }
    for finding in &report.findings {
        lines.push(serde_json::to_string(&Found::new(finding))?);
    }
    for remedied in &report.remedied {
        lines.push(serde_json::to_string(&Helped::new(remedied))?);
    }
    lines.push(serde_json::to_string(&Summary::new(target, report))?);
    Ok(lines)
}

#[derive(Serialize)]
struct Handshake<'a> {
    kind: &'static str,
    sni: Option<&'a str>,
    sni_state: &'static str,
    certificate_names: Option<&'a [String]>,
    covers: Option<Vec<String>>,
    alpn: Option<&'a str>,
    tls_version: Option<&'static str>,
    client_certificate_requested: Option<bool>,
    error: Option<String>,
}

impl<'a> Handshake<'a> {
    fn new(presented: &'a Presented, report: &'a Report) -> Self {
        let handshake = &presented.handshake;
        let covered = presented.covered(&report.names);
        Self {
            kind: "certificate",
            sni: presented.sni.name(),
            sni_state: sni_state(&presented.sni),
            certificate_names: handshake.certificate_names.as_deref(),
            covers: covered.map(|names| names.iter().map(ToString::to_string).collect()),
            alpn: handshake.alpn.as_deref(),
            tls_version: handshake.version,
            client_certificate_requested: handshake.client_certificate,
            error: presented.refusal.as_ref().map(ToString::to_string),
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    kind: &'static str,
    protocol: &'static str,
    connection: &'static str,
    sni: Option<&'a str>,
    sni_state: &'static str,
    authority: &'a str,
    name: String,
    spelling: &'static str,
    status: Option<u16>,
    error: Option<String>,
    verdict: Option<&'static str>,
    class: Option<&'static str>,
    confidence: Option<&'static str>,
    basis: Option<&'static str>,
    diagnosis: Option<&'a str>,
    remedy: Option<&'a str>,
    expected: Option<&'static str>,
    as_expected: Option<bool>,
    certificate_names: Option<&'a [String]>,
    client_certificate_requested: Option<bool>,
    prior_authorities: &'a [String],
    reopened: bool,
}

impl<'a> Answer<'a> {
    fn new(judged: &'a Judged) -> Self {
        let answer = &judged.answer;
        let question = &answer.question;
        let judgement = judged.judgement.as_ref();
        let status = answer.outcome.status();
        Self {
            kind: "answer",
            protocol: question.protocol.as_str(),
            connection: question.connection.as_str(),
            sni: question.sni.name(),
            sni_state: sni_state(&question.sni),
            authority: &question.authority,
            name: question.name.to_string(),
            spelling: question.spelling.as_str(),
            status,
            error: answer.outcome.error(),
            verdict: judgement.map(|judgement| judgement.verdict.as_str()),
            class: judgement.map(|judgement| judgement.verdict.class().as_str()),
            confidence: judgement.map(|judgement| judgement.confidence.as_str()),
            basis: judgement.map(|judgement| judgement.verdict.basis()),
            diagnosis: judgement.map(|judgement| judgement.diagnosis.as_str()),
            remedy: judgement.map(|judgement| judgement.remedy.as_str()),
            expected: judged.expected.map(Expected::as_str),
            as_expected: judged
                .expected
                .zip(status)
                .map(|(expected, status)| expected.is_met_by(status)),
            certificate_names: answer.handshake.certificate_names.as_deref(),
            client_certificate_requested: answer.handshake.client_certificate,
            prior_authorities: &answer.prior,
            reopened: answer.reopened,
        }
    }
}

#[derive(Serialize)]
struct Found<'a> {
    kind: &'static str,
    level: &'static str,
    code: &'static str,
    protocols: Vec<&'static str>,
    sni: Option<&'a str>,
    sni_state: &'static str,
    authority: &'a str,
    status: Option<u16>,
    diagnosis: &'a str,
    remedy: &'a str,
}

impl<'a> Found<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self {
            kind: "finding",
            level: finding.level.as_str(),
            code: finding.code,
            protocols: finding.protocols.iter().copied().map(Protocol::as_str).collect(),
            sni: finding.sni.name(),
            sni_state: sni_state(&finding.sni),
            authority: &finding.authority,
            status: finding.status,
            diagnosis: &finding.what,
            remedy: &finding.remedy,
        }
    }
}

#[derive(Serialize)]
struct Helped<'a> {
    kind: &'static str,
    protocol: &'static str,
    connection: &'static str,
    sni: Option<&'a str>,
    sni_state: &'static str,
    authority: &'a str,
    status: Option<u16>,
    fresh_connection: Option<bool>,
    right_sni: Option<bool>,
    http1: Option<bool>,
    http1_right_sni: Option<bool>,
    family: Option<&'static str>,
    measured: &'a str,
}

impl<'a> Helped<'a> {
    fn new(remedied: &'a Remedied) -> Self {
        let question = &remedied.question;
        Self {
            kind: "remedied",
            protocol: question.protocol.as_str(),
            connection: question.connection.as_str(),
            sni: question.sni.name(),
            sni_state: sni_state(&question.sni),
            authority: &question.authority,
            status: remedied.status,
            fresh_connection: remedied.cure.fresh_connection,
            right_sni: remedied.cure.right_sni,
            http1: remedied.cure.http1,
            http1_right_sni: remedied.cure.http1_right_sni,
            family: remedied.family.map(Family::as_str),
            measured: &remedied.measured,
        }
    }
}

#[derive(Serialize)]
struct Summary {
    kind: &'static str,
    url: String,
    address: String,
    names: Vec<String>,
    protocols: Vec<&'static str>,
    answers: usize,
    not_asked: usize,
    problems: usize,
    advice: usize,
    seconds: f64,
}

impl Summary {
    fn new(target: &Target, report: &Report) -> Self {
        let count = |level| {
            let findings = report.findings.iter();
            findings.filter(|finding| finding.level == level).count()
        };
        Self {
            kind: "summary",
            url: target.to_string(),
            address: report.address.to_string(),
            names: report.names.iter().map(ToString::to_string).collect(),
            protocols: report.protocols.iter().copied().map(Protocol::as_str).collect(),
            answers: report.answers.len() - report.unasked,
            not_asked: report.unasked,
            problems: count(Level::Problem),
            advice: count(Level::Advice),
            seconds: report.took.as_secs_f64(),
        }
    }
}

const fn sni_state(sni: &Sni) -> &'static str {
    match sni {
        Sni::Sent(_) => SniState::Sent.as_str(),
        Sni::Absent => SniState::Absent.as_str(),
    }
}
