//! What a person or a program is shown of a network that runs.

use serde_json::json;

use crate::{
    deploy::{CLASS, CLASS_NAME, LOCAL_TOKEN_DECIMALS},
    stack::Stack,
};

/// The network for programs: where everything is.
#[must_use]
pub fn describe(stack: &Stack) -> serde_json::Value {
    let site = &stack.site;
    let nodes: Vec<_> = stack
        .nodes
        .iter()
        .map(|node| json!({ "account_id": node.owner.account_id, "key_file": node.owner.key_file, "machine_key_file": node.machine_key_file }))
        .collect();
    json!({
        "dir": site.layout.dir(),
        "chain": stack.chain,
        "network": site.layout.network(),
        "rpc_url": site.network.rpc_urls[0],
        "gateway_url": site.gateway_url(),
        "contract": stack.deployment.contract,
        "token": stack.deployment.token,
        "class": CLASS,
        "requester": { "account_id": stack.requester.account_id, "key_file": stack.requester.key_file },
        "nodes": nodes,
    })
}

/// URLs, accounts and the commands to try next.
#[must_use]
pub fn guide(stack: &Stack, next: &[String]) -> String {
    let site = &stack.site;
    let network = site.layout.network();
    let keys = site.layout.keys();
    let mut lines = vec![
        format!("page and API  {}", site.gateway_url()),
        format!("chain RPC     {}", site.network.rpc_urls[0]),
        format!("coordinator   {}", stack.deployment.contract),
        format!("reward token  {} ({} decimals)", stack.deployment.token, LOCAL_TOKEN_DECIMALS),
        format!("class         {CLASS} ({CLASS_NAME})"),
        format!("requester     {}", stack.requester.account_id),
    ];
    for node in &stack.nodes {
        lines.push(format!("node          {}", node.owner.account_id));
    }
    lines.extend([
        format!("keys          {}", keys.display()),
        format!("logs          {}", site.layout.logs().display()),
        String::new(),
        "next, in another terminal:".to_owned(),
        format!("  export PIECEWORK_NETWORK={}", network.display()),
        format!("  export PIECEWORK_KEY_FILE={}", stack.requester.key_file.display()),
    ]);
    lines.extend(next.iter().map(|command| format!("  {command}")));
    lines.push("Ctrl-C stops everything.".to_owned());
    lines.join("\n")
}
