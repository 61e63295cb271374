//! Arguments that more than one subcommand shares, and those of the subcommands that watch.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::live::{Choice, Mode};

/// Where the agent serves metrics unless told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:9421";
/// Where the agent answers `inspect` unless told otherwise.
pub const DEFAULT_CONTROL: &str = "/run/wrongway/control.sock";

/// Where the agent remembers what was found in code, unless told otherwise.
pub const DEFAULT_CACHE: &str = "/run/wrongway/cache";

/// Arguments of `wrongway run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Policy file; 'wrongway policy example' explains one. It is read again when it changes, and on SIGHUP.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address and port of /metrics, /healthz and /readyz.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = DEFAULT_LISTEN)]
    pub listen: SocketAddr,
    /// Unix socket that 'wrongway inspect' talks to.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_CONTROL)]
    pub control: PathBuf,
    /// Directory of the findings journal: what deserves attention is kept there, and outlives the agent.
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    /// Leave these libraries and programs alone, named as the processes that run them name them: no probe is put into
    /// them.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub exclude: Vec<PathBuf>,
    /// Directory where it is remembered what was found in the code of programs that have no symbols; what does not stand
    /// there is searched for again.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_CACHE)]
    pub cache: PathBuf,
    /// Whose packets to look at.
    #[command(flatten)]
    pub wire: WireArgs,
}

/// Which packets the agent looks at for ClientHellos.
#[derive(Clone, Debug, Args)]
pub struct WireArgs {
    /// Look at the packets of these network interfaces alone [default: lo, devices, and the machine's end of each
    /// container's veth pair].
    #[arg(long, value_name = "NAME", num_args = 1.., conflicts_with = "no_xdp")]
    pub interface: Vec<String>,
    /// Look at no packets: no ClientHellos, by tc or by XDP.
    #[arg(long, conflicts_with = "wire_mode")]
    pub no_xdp: bool,
    /// What kind of program looks at them.
    #[arg(long, value_name = "MODE", value_enum, default_value_t = Mode::Auto)]
    pub wire_mode: Mode,
}

impl WireArgs {
    /// What was chosen; `None`: to look at no packets.
    pub fn choice(&self) -> Option<Choice> {
        (!self.no_xdp).then(|| Choice {
            names: self.interface.clone(),
            mode: self.wire_mode,
        })
    }
}

/// Arguments of `wrongway record`.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// File to write; it must not exist.
    pub file: PathBuf,
    /// Stop after this many seconds; without it, when interrupted.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    pub duration: Option<u64>,
    /// Whose packets to look at.
    #[command(flatten)]
    pub wire: WireArgs,
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
