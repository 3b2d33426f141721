//! What only a sandbox can do.

use near_jsonrpc_primitives::types::sandbox::{
    RpcSandboxFastForwardError, RpcSandboxFastForwardRequest, RpcSandboxFastForwardResponse, RpcSandboxPatchStateError,
    RpcSandboxPatchStateRequest, RpcSandboxPatchStateResponse,
};

use crate::node::Node;

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
    node.fast_forward(request.delta_height)
        .await
        .map(|()| RpcSandboxFastForwardResponse {})
        .map_err(|error| RpcSandboxFastForwardError::InternalError { error_message: error.to_string() })
}
