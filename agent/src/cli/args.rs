//! Arguments that more than one subcommand shares, and those of the subcommands that watch.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Where the agent serves metrics unless told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:9421";
/// Where the agent answers `inspect` unless told otherwise.
pub const DEFAULT_CONTROL: &str = "/run/wrongway/control.sock";

/// Arguments of `wrongway run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Address and port of /metrics, /healthz and /readyz.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = DEFAULT_LISTEN)]
    pub listen: SocketAddr,
    /// Unix socket that 'wrongway inspect' talks to.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_CONTROL)]
    pub control: PathBuf,
}

/// Arguments of `wrongway record`.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// File to write; it must not exist.
    pub file: PathBuf,
    /// Stop after this many seconds; without it, when interrupted.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    pub duration: Option<u64>,
}

/// Arguments of `wrongway replay`.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// Recording to read.
    pub file: PathBuf,
    /// Print one JSON object a line.
    #[arg(long)]
    pub json: bool,
}
