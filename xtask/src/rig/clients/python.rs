//! Clients of Python's: requests, and httpx with and without asyncio.

use anyhow::Result;

use super::program::Job;
use super::script;
use crate::rig::truth::Truth;

/// Reads and writes sockets through OpenSSL, over HTTP/1.1.
pub(super) fn requests(job: &Job<'_>) -> Result<Vec<Truth>> {
    let script = include_str!("requests_dial.py");
    script::run(job, &job.python.interpreter(), "requests_dial.py", script)
}

/// Reads and writes sockets through OpenSSL.
pub(super) fn httpx(job: &Job<'_>) -> Result<Vec<Truth>> {
    let script = include_str!("httpx_dial.py");
    script::run(job, &job.python.interpreter(), "httpx_dial.py", script)
}

/// Feeds OpenSSL from memory.
pub(super) fn httpx_async(job: &Job<'_>) -> Result<Vec<Truth>> {
    let script = include_str!("httpx_async_dial.py");
    script::run(job, &job.python.interpreter(), "httpx_async_dial.py", script)
}
