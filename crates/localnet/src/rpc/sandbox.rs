//! What only a sandbox can do.

use near_jsonrpc_primitives::types::sandbox::{
    RpcSandboxFastForwardError, RpcSandboxFastForwardRequest, RpcSandboxFastForwardResponse, RpcSandboxPatchStateError,
    RpcSandboxPatchStateRequest, RpcSandboxPatchStateResponse,
};
use near_primitives::types::BlockHeightDelta;

use crate::node::Node;

/// Heights that one fast-forward may skip: decades, but neither heights nor time run out.
const MOST_HEIGHTS: BlockHeightDelta = 1_000_000_000;

/// `sandbox_patch_state`: answers once a block has taken the patch.
pub async fn patch_state(
    node: &Node,
    request: RpcSandboxPatchStateRequest,
) -> Result<RpcSandboxPatchStateResponse, RpcSandboxPatchStateError> {
    node.patch_state(request.records)
        .await
        .map(|()| RpcSandboxPatchStateResponse {})
        .map_err(|error| RpcSandboxPatchStateError::InternalError { error_message: error.to_string() })
}

/// `sandbox_fast_forward`: answers once the chain is there.
pub async fn fast_forward(
    node: &Node,
    request: RpcSandboxFastForwardRequest,
) -> Result<RpcSandboxFastForwardResponse, RpcSandboxFastForwardError> {
    if request.delta_height > MOST_HEIGHTS {
        let error_message = format!("at most {MOST_HEIGHTS} heights can be skipped at a time");
        return Err(RpcSandboxFastForwardError::InternalError { error_message });
    }
    node.fast_forward(request.delta_height)
        .await
        .map(|()| RpcSandboxFastForwardResponse {})
        .map_err(|error| RpcSandboxFastForwardError::InternalError { error_message: error.to_string() })
}
