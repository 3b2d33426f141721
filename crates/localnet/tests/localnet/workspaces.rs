//! near-workspaces runs on the built binary as it runs on the neard sandbox.

use near_workspaces::types::NearToken;

/// A contract that counts calls in its state and tells the count in a view.
const COUNTER: &str = r#"
(module
  (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
  (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
  (import "env" "read_register" (func $read_register (param i64 i64)))
  (import "env" "value_return" (func $return (param i64 i64)))
  (memory 1)
  (data (i32.const 0) "n")
  (func $load (drop (call $read (i64.const 1) (i64.const 0) (i64.const 0)))
    (if (i64.eq (call $read (i64.const 1) (i64.const 0) (i64.const 0)) (i64.const 1))
      (then (call $read_register (i64.const 0) (i64.const 8)))))
  (func (export "count")
    (call $load)
    (i32.store8 (i32.const 8) (i32.add (i32.load8_u (i32.const 8)) (i32.const 1)))
    (drop (call $write (i64.const 1) (i64.const 0) (i64.const 1) (i64.const 8) (i64.const 1))))
  (func (export "get") (call $load) (call $return (i64.const 1) (i64.const 8))))
"#;

fn use_our_binary() {
    #[expect(unsafe_code, reason = "every test of this file sets the same value before it starts anything")]
    unsafe {
        std::env::set_var("NEAR_SANDBOX_BIN_PATH", env!("CARGO_BIN_EXE_piecework-localnet"));
    }
}

#[tokio::test]
async fn workspaces__should_deploy_call_and_view() -> Result<(), Box<dyn std::error::Error>> {
    // Given a sandbox that near-workspaces started by itself
    use_our_binary();
    let worker = near_workspaces::sandbox().await?;
    let contract = worker.dev_deploy(&wat::parse_str(COUNTER)?).await?;
    let user = worker.dev_create_account().await?;

    // When a user calls the contract twice
    for _ in 0..2 {
        user.call(contract.id(), "count").transact().await?.into_result()?;
    }

    // Then a view sees it
    let seen = contract.view("get").await?;
    assert_eq!(seen.result, [2]);
    assert!(user.view_account().await?.balance < NearToken::from_near(100));
    Ok(())
}

#[tokio::test]
async fn workspaces__should_patch_state_and_fast_forward() -> Result<(), Box<dyn std::error::Error>> {
    // Given a contract on a running sandbox
    use_our_binary();
    let worker = near_workspaces::sandbox().await?;
    let contract = worker.dev_deploy(&wat::parse_str(COUNTER)?).await?;
    let before = worker.view_block().await?;

    // When its state is patched and time goes on
    worker.patch_state(contract.id(), b"n", &[41]).await?;
    worker.fast_forward(1_000).await?;

    // Then both show
    assert_eq!(contract.view("get").await?.result, [41]);
    let after = worker.view_block().await?;
    assert!(after.height() >= before.height() + 1_000);
    assert!(after.timestamp() >= before.timestamp() + 300_000_000_000);
    Ok(())
}
