//! Any bytes as a request that went sealed: no crash, and the same request from what is written of
//! it.

use otkel::envelope::request::Request;

/// Holds the promises against one message.
pub(crate) fn run(message: &[u8]) {
    let Ok(request) = Request::decode(message) else { return };
    let written = request.encode();
    assert!(Request::decode(&written) == Ok(request), "written differently");
}
