//! Programs that run on one CPU, so that what they cost can be told from what others do.

use std::ffi::OsStr;
use std::process::Command;

/// A program, on this CPU alone if there is one.
pub fn command(program: impl AsRef<OsStr>, cpu: Option<usize>) -> Command {
    let Some(cpu) = cpu else {
        return Command::new(program);
    };
    let mut command = Command::new("taskset");
    // It becomes the program: the process is the same.
    command.args(["--cpu-list", &cpu.to_string()]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_told_a_cpu_is_pinned() {
        let pinned = command("nginx", Some(1));
        let arguments: Vec<_> = pinned.get_args().collect();
        assert_eq!(pinned.get_program(), "taskset");
        assert_eq!(arguments, ["--cpu-list", "1", "nginx"]);
        assert_eq!(command("nginx", None).get_program(), "nginx");
    }
}
