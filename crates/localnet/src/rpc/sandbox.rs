//! What only a sandbox can do: patches, time, blocks on demand, snapshots, faults.

use std::time::Duration;

use near_jsonrpc_primitives::{
    errors::{RpcError, RpcParseError},
    types::sandbox::{
        RpcSandboxFastForwardRequest, RpcSandboxFastForwardResponse, RpcSandboxPatchStateRequest,
        RpcSandboxPatchStateResponse,
    },
};
use near_primitives::types::BlockHeight;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{params, to_value};
use crate::{
    faults::Faults,
    node::{Node, NodeError},
};

/// Heights that one fast-forward may skip: decades, but neither heights nor time run out.
const MOST_HEIGHTS: u64 = 1_000_000_000;
/// The latest moment time can be set to, in nanoseconds since the epoch: the year 2500. The type ends in 2554.
const LATEST_NS: u64 = 16_725_225_600_000_000_000;
/// Most blocks and heights one call may ask for, so that it ends.
const MAX_BLOCKS: u64 = 100_000;

/// Methods whose name starts with `sandbox_`. The first two are neard's.
pub async fn call(node: &Node, method: &str, request: Value) -> Result<Value, RpcError> {
    match method {
        "sandbox_patch_state" => {
            let RpcSandboxPatchStateRequest { records } = params::parse(request)?;
            node.change(|chain| chain.patch_state(records)).await.map_err(internal)?;
            to_value(RpcSandboxPatchStateResponse {})
        }
        "sandbox_fast_forward" => {
            let RpcSandboxFastForwardRequest { delta_height } = params::parse(request)?;
            if delta_height > MOST_HEIGHTS {
                let error = format!("at most {MOST_HEIGHTS} heights can be skipped at a time");
                return Err(internal(NodeError::Refused(error)));
            }
            node.change(move |chain| chain.fast_forward(delta_height)).await.map_err(internal)?;
            to_value(RpcSandboxFastForwardResponse {})
        }
        "sandbox_produce_blocks" => at(node.produce_blocks(count(request)?).await),
        "sandbox_skip_heights" => {
            let count = count(request)?;
            at(node.change(move |chain| chain.skip_heights(count)).await)
        }
        "sandbox_advance_time" => {
            let Advance { milliseconds } = params::parse(request)?;
            if milliseconds > LATEST_NS / 1_000_000 {
                return Err(RpcParseError("Failed parsing args: that is centuries".to_owned()).into());
            }
            at(node.change(move |chain| chain.advance_time(Duration::from_millis(milliseconds))).await)
        }
        "sandbox_set_time" => at(node.set_time(params::parse::<Moment>(request)?.nanoseconds()?).await),
        "sandbox_set_cadence" => to_value(node.set_cadence(params::parse(request)?).await.map_err(refused)?),
        "sandbox_snapshot" => {
            let Named { name } = params::parse(object(request))?;
            to_value(node.with_chain(|chain| chain.snapshot(name)).await.map_err(refused)?)
        }
        "sandbox_restore" => {
            let name = name(request)?;
            at(node.with_chain(move |chain| chain.restore(&name)).await)
        }
        "sandbox_snapshots" => to_value(node.with_chain(|chain| chain.snapshots()).await.map_err(refused)?),
        "sandbox_delete_snapshot" => {
            let name = name(request)?;
            node.with_chain(move |chain| chain.delete_snapshot(&name)).await.map_err(refused)?;
            Ok(json!({}))
        }
        "sandbox_faults" => to_value(node.faults.current()),
        "sandbox_set_faults" => {
            let faults: Faults = params::parse(object(request))?;
            node.faults.replace(faults.checked().map_err(|error| RpcParseError(error.to_string()))?);
            to_value(node.faults.current())
        }
        _ => Err(RpcError::method_not_found(method.to_owned())),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    #[serde(default = "one")]
    count: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    milliseconds: u64,
}

/// A moment, by RFC 3339 or in nanoseconds since the epoch (as a string or a number).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moment {
    time: Option<String>,
    timestamp_nanosec: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: Option<String>,
}

impl Moment {
    fn nanoseconds(&self) -> Result<u64, RpcParseError> {
        let nanoseconds = self.parse()?;
        if nanoseconds > LATEST_NS {
            return Err(RpcParseError("Failed parsing args: time ends with the year 2499 here".to_owned()));
        }
        Ok(nanoseconds)
    }

    fn parse(&self) -> Result<u64, RpcParseError> {
        let wrong = || {
            let example = r#"{"time": "2030-01-01T00:00:00Z"} or {"timestamp_nanosec": "1893456000000000000"}"#;
            RpcParseError(format!("Failed parsing args: expected {example}"))
        };
        match (&self.time, &self.timestamp_nanosec) {
            (Some(time), None) => {
                let time = humantime::parse_rfc3339_weak(time).map_err(|_| wrong())?;
                let since_epoch = time.duration_since(std::time::UNIX_EPOCH).map_err(|_| wrong())?;
                u64::try_from(since_epoch.as_nanos()).map_err(|_| wrong())
            }
            (None, Some(Value::String(text))) => text.parse().map_err(|_| wrong()),
            (None, Some(Value::Number(number))) => number.as_u64().ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

fn one() -> u64 {
    1
}

/// No parameters stand for none given.
fn object(request: Value) -> Value {
    match request {
        Value::Null => json!({}),
        Value::Array(list) if list.is_empty() => json!({}),
        request => request,
    }
}

fn count(request: Value) -> Result<u64, RpcParseError> {
    let Count { count } = params::parse(object(request))?;
    if !(1..=MAX_BLOCKS).contains(&count) {
        return Err(RpcParseError(format!("Failed parsing args: count must be from 1 to {MAX_BLOCKS}")));
    }
    Ok(count)
}

fn name(request: Value) -> Result<String, RpcParseError> {
    let Named { name } = params::parse(object(request))?;
    name.ok_or_else(|| RpcParseError("Failed parsing args: missing field `name`".to_owned()))
}

fn at(height: Result<BlockHeight, NodeError>) -> Result<Value, RpcError> {
    Ok(json!({ "block_height": height.map_err(refused)? }))
}

fn refused(error: NodeError) -> RpcError {
    match error {
        NodeError::Refused(reason) => RpcParseError(reason).into(),
        error @ NodeError::Stopped => internal(error),
    }
}

fn internal(error: NodeError) -> RpcError {
    let text = error.to_string();
    RpcError::new_internal_or_handler_error(
        Some(Value::String(text.clone())),
        json!({ "name": "INTERNAL_ERROR", "info": { "error_message": text } }),
    )
}
