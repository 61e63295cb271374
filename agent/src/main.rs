//! The `wrongway` command.

fn main() {}
