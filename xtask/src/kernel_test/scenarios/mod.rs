//! Stories that were reported of real software, played with that software: verdict, class, outcome, cause and remedy.
//!
//! What clients and servers wrote down themselves is compared with what the agent says. Where the remedy has lines of
//! configuration, those very lines are written into the program, and have to end the story.

mod allow_list;
mod client_certificate;
mod expect;
mod fixed_name;
mod forgotten_port;
mod front;
mod nameless_front_end;
mod passed_through;
mod persistent_client;
mod pool_bleed;
mod refusing_server;
mod shared_wildcard;
mod silent_balancer;
mod told;

use anyhow::Result;

use super::{Case, Setting};

pub(super) const CASES: &[Case] = &[
    case(
        "scenario::front_end_without_server_name",
        nameless_front_end::play,
    ),
    case("scenario::shared_wildcard_certificate", shared_wildcard::play),
    case("scenario::balancer_that_serves_silently", silent_balancer::play),
    case("scenario::pool_shared_by_names", pool_bleed::play),
    case("scenario::client_certificate_bypassed", client_certificate::play),
    case(
        "scenario::application_that_forgets_the_port",
        forgotten_port::play,
    ),
    case("scenario::allow_list_behind_a_terminator", allow_list::play),
    case("scenario::clients_that_do_not_stop", persistent_client::play),
    case("scenario::balancer_that_sends_no_name", fixed_name::play_none),
    case("scenario::balancer_that_sends_one_name", fixed_name::play_same),
    case("scenario::tls_passed_through", passed_through::play),
    case(
        "scenario::server_that_routes_by_server_name",
        refusing_server::play_routes,
    ),
    case(
        "scenario::tunnel_compared_with_the_server_name",
        silent_balancer::play_tunnel,
    ),
    case("scenario::nginx_that_refuses", refusing_server::play_nginx),
    case("scenario::node_that_refuses", refusing_server::play_node),
];

/// One name of the certificates.
const A: &str = "a.shop.example";
/// Another.
const B: &str = "b.shop.example";

/// An application that compares Host with its list.
const APPLICATION: &str = include_str!("application.mjs");

/// A server that serves any name.
const SERVER: &str = include_str!("server.mjs");
/// Where in it stands what it does before that.
const MARK: &str = "// LINES";

const fn case(name: &'static str, run: fn(&Setting) -> Result<String>) -> Case {
    Case {
        name,
        observes: true,
        run,
    }
}
