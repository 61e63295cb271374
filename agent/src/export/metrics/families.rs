//! Names, labels and help texts of the contract, and how they are written out.

use std::fmt::Write as _;

use prometheus::core::Collector;
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

/// Every metric family, registered.
pub(super) struct Families {
    registry: Registry,
    /// Headers of each family by name, for those that have no sample yet.
    headers: Vec<(String, String)>,
    pub(super) exchanges: IntCounterVec,
    pub(super) findings: IntCounterVec,
    pub(super) outcomes: IntCounterVec,
    pub(super) connections: IntCounterVec,
    pub(super) connections_open: IntGauge,
    pub(super) coverage: IntGaugeVec,
    pub(super) client_hellos: IntCounterVec,
    pub(super) joins: IntCounterVec,
    pub(super) losses: IntCounterVec,
    pub(super) probe_hits: IntCounterVec,
    pub(super) alerts: IntCounterVec,
    pub(super) policy_reloads: IntCounterVec,
    pub(super) policy_accepted: IntGauge,
    pub(super) policy_accepted_at: IntGauge,
}

impl Families {
    pub(super) fn new() -> Self {
        let mut builder = Builder::default();
        let build_info = builder.gauges(
            "wrongway_build_info",
            "Always 1; its labels name this build.",
            &["version", "architecture"],
        );
        build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION"), std::env::consts::ARCH])
            .set(1);
        Self {
            exchanges: builder.counters(
                "wrongway_exchanges_total",
                "Requests with their responses, by verdict.",
                &["role", "protocol", "verdict"],
            ),
            findings: builder.counters(
                "wrongway_findings_total",
                "Exchanges that deserve attention, by the names involved; beyond a bound the names read other.",
                &["verdict", "sni", "authority", "server"],
            ),
            outcomes: builder.counters(
                "wrongway_421_outcomes_total",
                "What clients did after a 421.",
                &["outcome"],
            ),
            connections: builder.counters(
                "wrongway_connections_total",
                "TLS connections, counted once their role and server name are known or they have closed.",
                &["role", "library", "sni_provenance"],
            ),
            connections_open: builder
                .gauge("wrongway_connections_open", "TLS connections that are open now."),
            coverage: builder.gauges(
                "wrongway_coverage_processes",
                "Processes that speak TLS, by how much of them can be read.",
                &["library", "visibility", "reason"],
            ),
            client_hellos: builder.counters(
                "wrongway_client_hellos_total",
                "ClientHellos seen on the wire.",
                &["transport", "result"],
            ),
            joins: builder.counters(
                "wrongway_joins_total",
                "Attempts to tie a library's connection to what other sources know of it.",
                &["result"],
            ),
            losses: builder.counters(
                "wrongway_losses_total",
                "Things that were seen but not kept.",
                &["stage", "reason"],
            ),
            probe_hits: builder.counters(
                "wrongway_probe_hits_total",
                "Calls of hooked functions.",
                &["probe"],
            ),
            alerts: builder.counters(
                "wrongway_alerts_total",
                "Alerts that a rule of the policy raised.",
                &["rule"],
            ),
            policy_reloads: builder.counters(
                "wrongway_policy_reloads_total",
                "Policy files that were read again, by whether they are in force since.",
                &["result"],
            ),
            policy_accepted: builder.gauge(
                "wrongway_policy_last_reload_successful",
                "1 if the policy in force is what its file says, 0 if the file was refused.",
            ),
            policy_accepted_at: builder.gauge(
                "wrongway_policy_last_reload_success_timestamp_seconds",
                "When the policy came into force, in seconds since the Unix epoch.",
            ),
            registry: builder.registry,
            headers: builder.headers,
        }
    }

    /// The text exposition format. A family without samples shows its headers, so that every name of the
    /// contract can be found.
    pub(super) fn render(&self) -> String {
        let families = self.registry.gather();
        let mut text = String::new();
        TextEncoder::new()
            .encode_utf8(&families, &mut text)
            .expect("every gathered family has a name and samples");
        for (name, headers) in &self.headers {
            if !families.iter().any(|family| family.name() == name) {
                text.push_str(headers);
            }
        }
        text
    }
}

/// The samples of the loss counters that are not zero, as stage, reason and count.
pub(super) fn losses(counters: &IntCounterVec) -> Vec<(String, String, u64)> {
    let families: Vec<MetricFamily> = counters.collect();
    let mut losses = Vec::new();
    for metric in families.iter().flat_map(MetricFamily::get_metric) {
        let label = |name| {
            let mut labels = metric.get_label().iter();
            let label = labels.find(|label| label.name() == name)?;
            Some(label.value().to_owned())
        };
        let (Some(stage), Some(reason)) = (label("stage"), label("reason")) else {
            continue;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an integer counter that the library shows as a float"
        )]
        let count = metric.get_counter().get_value() as u64;
        if count > 0 {
            losses.push((stage, reason, count));
        }
    }
    losses.sort();
    losses
}

#[derive(Default)]
struct Builder {
    registry: Registry,
    headers: Vec<(String, String)>,
}

impl Builder {
    fn counters(&mut self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let counters = IntCounterVec::new(Opts::new(name, help), labels);
        self.register(
            name,
            help,
            MetricType::COUNTER,
            counters.expect("labels are well-formed"),
        )
    }

    fn gauges(&mut self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let gauges = IntGaugeVec::new(Opts::new(name, help), labels);
        self.register(
            name,
            help,
            MetricType::GAUGE,
            gauges.expect("labels are well-formed"),
        )
    }

    fn gauge(&mut self, name: &str, help: &str) -> IntGauge {
        let gauge = IntGauge::new(name, help);
        self.register(
            name,
            help,
            MetricType::GAUGE,
            gauge.expect("the name is well-formed"),
        )
    }

    fn register<C: Collector + Clone + 'static>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        collector: C,
    ) -> C {
        let kind = match kind {
            MetricType::COUNTER => "counter",
            _ => "gauge",
        };
        let mut headers = String::new();
        write!(headers, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect("strings take everything");
        self.headers.push((name.to_owned(), headers));
        self.registry
            .register(Box::new(collector.clone()))
            .expect("every name is registered once");
        collector
    }
}
