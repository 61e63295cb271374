//! Runs packet programs on packets that were never sent, for benchmarks: what a packet costs.

use std::time::Duration;

use aya::{
    TestRun as _, TestRunOptions,
    programs::{SchedClassifier, Xdp},
};

use super::{
    Kernel, LoadError,
    load::{refused, refused_program},
};

/// A program that sees packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketProgram {
    /// tc, where packets come in.
    Tc,
    /// XDP.
    Xdp,
}

impl PacketProgram {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tc => "tc",
            Self::Xdp => "xdp",
        }
    }
}

impl Kernel {
    /// Runs the program on a packet, this many times, and tells how long one run took on average.
    ///
    /// # Errors
    /// Returns what the kernel refused.
    pub fn try_packet(
        &mut self,
        program: PacketProgram,
        packet: &[u8],
        times: u32,
    ) -> Result<Duration, LoadError> {
        let options = TestRunOptions {
            data_in: Some(packet),
            repeat: times,
            ..TestRunOptions::new()
        };
        let name = program.as_str();
        let result = match program {
            PacketProgram::Tc => {
                let program: &mut SchedClassifier = self.program("tc_ingress")?;
                if program.fd().is_err() {
                    program
                        .load()
                        .map_err(|error| refused_program("tc_ingress", &error))?;
                }
                program.test_run(options)
            }
            PacketProgram::Xdp => {
                let program: &mut Xdp = self.program("xdp_ingress")?;
                if program.fd().is_err() {
                    program
                        .load()
                        .map_err(|error| refused_program("xdp_ingress", &error))?;
                }
                program.test_run(options)
            }
        };
        Ok(result.map_err(|error| refused(name, &error))?.duration)
    }
}
