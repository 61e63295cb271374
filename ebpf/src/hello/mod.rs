//! Finds ClientHellos in TCP streams, as far as it takes to tell which bytes to hand up: RFC 8446, sections 4.1.2 and
//! 5.1.

pub mod follow;
pub mod front;
pub mod start;
