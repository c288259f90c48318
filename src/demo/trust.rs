//! What the mock partners of a world are made of: the keys in its folder.

use std::sync::Arc;

use super::world::{GATEWAY, GATEWAY_CLIENT, World};
use crate::keyfile::{self, BadKeyFile};
use crate::keys::{self, Unopened};
use crate::partner::{Gateway, GatewayKeys, Trust};
use crate::signing::Sign as _;
use crate::tls;

/// The keys of a partner of this world, and its gateway.
///
/// # Errors
/// A file of the folder that cannot be used.
pub fn of(world: &World, partner: &str) -> Result<Trust, Untrusted> {
    let signing = keys::read(&world.signing_key())?;
    let gateway = Gateway {
        name: GATEWAY.to_owned(),
        certificate: GATEWAY_CLIENT.to_owned(),
        signed: true,
        keys: GatewayKeys::Pinned(vec![signing.key().clone()]),
    };
    Ok(Trust {
        name: partner.to_owned(),
        hosts: Vec::new(),
        secrets: vec![
            keyfile::read_secret(&world.partner_key(partner))?,
            keyfile::read_secret(&world.hybrid_key(partner))?,
        ],
        identity: Arc::new(keys::read(&world.partner_identity(partner))?),
        list: tls::read(&world.partner_list(partner))
            .ok()
            .and_then(|list| String::from_utf8(list).ok()),
        gateways: vec![gateway],
    })
}

/// Why the keys of a folder are of no use.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// A partner's private key.
    #[error(transparent)]
    Secret(#[from] BadKeyFile),
    /// A key that signs.
    #[error(transparent)]
    Signing(#[from] Unopened),
}
