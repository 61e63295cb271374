//! HTTP framing: which bytes of a connection are heads and frames, and which are bodies.
