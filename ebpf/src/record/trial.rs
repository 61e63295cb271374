//! Functions on trial.

use super::{Header, Socket};

/// What a function that was found by its code showed, so that it can be told whether it is what it was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[repr(C)]
pub struct Sighting {
    /// What every record begins with; `ssl` is what the function was given for a connection, and `born` tells it from
    /// others at its address.
    pub header: Header,
    /// What stands where the client random is thought to be; all zero if that is not known, or could not be read.
    pub client_random: [u8; 32],
    /// Bytes that the call was asked to move at most.
    pub requested: u64,
    /// Bytes that it claims to have moved.
    pub moved: u64,
    /// Slot of the library's layout.
    pub library: u16,
    /// Number of the [`crate::function::Function`].
    pub function: u8,
    /// 1 if the object was seen being made.
    pub from_start: u8,
    /// 1 if this is the first that was seen of the connection in this direction.
    pub first: u8,
    /// 1 if the result is none that the function can have.
    pub impossible: u8,
    /// An [`crate::opening::Opening`]: what the data begins with.
    pub opening: u8,
    /// Always 0.
    pub reserved: u8,
    /// The socket that the library used while it was inside the call, if it used just one.
    pub socket: Socket,
    /// Always 0.
    pub padding: [u8; 4],
}
