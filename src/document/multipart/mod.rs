//! Multipart bodies: the fields of a form (RFC 7578), or parts in a row (RFC 2046 section 5.1.3).

mod split;
