//! Blocks over the admin API.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;
use uuid::Uuid;

use super::{Admin, problem};
use crate::consent::block::BadBlock;
use crate::consent::record::Evidence;
use crate::store::consents::Changed;
use crate::store::{NewBlock, Unblocked};
use crate::vocabulary::Name;

pub(super) async fn add(
    State(admin): State<Admin>,
    Extension(officer): Extension<Name>,
    body: Bytes,
) -> Response {
    let Ok(new) = serde_json::from_slice::<NewBlock>(&body) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "not a block",
            "send {\"document\": …} with at least one of `subject` (`scheme`, `id`), `partner` and \
             `purpose`",
        );
    };
    let rules = admin.activation.in_force().now().await;
    if let Err(unbound) = new.fits(&rules.policy) {
        return failed(&unbound);
    }
    let change = move || admin.blocks.add(&new, officer.as_str());
    changed(StatusCode::CREATED, blocking(change).await)
}

pub(super) async fn lift(
    State(admin): State<Admin>,
    Extension(officer): Extension<Name>,
    Path(block): Path<String>,
    body: Bytes,
) -> Response {
    let Ok(block) = Uuid::parse_str(&block) else {
        return problem(StatusCode::BAD_REQUEST, "not a block's id", "give the UUID");
    };
    let Ok(decision) = serde_json::from_slice::<Evidence>(&body) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "not a decision",
            "send {\"reference\": …, \"sha256\": …} of the document that lifts the block",
        );
    };
    let change = move || admin.blocks.lift(block, &decision, officer.as_str());
    changed(StatusCode::OK, blocking(change).await)
}

pub(super) async fn list(State(admin): State<Admin>) -> Response {
    match admin.blocks.list() {
        Ok(blocks) => Json(blocks).into_response(),
        Err(error) => failed(&error),
    }
}

async fn blocking(
    change: impl FnOnce() -> Result<Changed, Unblocked> + Send + 'static,
) -> Result<Changed, Unblocked> {
    let ended = tokio::task::spawn_blocking(change).await;
    ended.unwrap_or(Err(Unblocked::Bad(BadBlock::Form)))
}

fn changed(status: StatusCode, result: Result<Changed, Unblocked>) -> Response {
    match result {
        Ok(Changed { record, seq }) => {
            (status, Json(json!({"block": record, "entry": seq}))).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &Unblocked) -> Response {
    let (status, cure) = match error {
        Unblocked::Bad(BadBlock::Lifted(_)) => (StatusCode::CONFLICT, "nothing needs to be done"),
        Unblocked::Bad(BadBlock::Form) | Unblocked::Store(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "tell the operator; `otkel verify` names the damage")
        }
        Unblocked::Bad(_)
        | Unblocked::Subject
        | Unblocked::Personal
        | Unblocked::Partner
        | Unblocked::Purpose => (StatusCode::UNPROCESSABLE_ENTITY, "mend what is named"),
        Unblocked::Unknown => (StatusCode::NOT_FOUND, "`GET /blocks` shows all there are"),
        Unblocked::Unrecorded(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "try again when the store is well")
        }
    };
    problem(status, &error.to_string(), cure)
}
