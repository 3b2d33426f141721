//! Contracts the tests call, as text.

/// Small methods without promises. `set` stores "v" under "k"; `fail` stores and then panics; `seed` returns the
/// random seed; `signer`, `predecessor` return account ids; `noop` does nothing.
pub const BASIC: &str = r#"
(module
  (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
  (import "env" "read_register" (func $read_register (param i64 i64)))
  (import "env" "register_len" (func $register_len (param i64) (result i64)))
  (import "env" "random_seed" (func $random_seed (param i64)))
  (import "env" "signer_account_id" (func $signer (param i64)))
  (import "env" "predecessor_account_id" (func $predecessor (param i64)))
  (import "env" "value_return" (func $return (param i64 i64)))
  (import "env" "log_utf8" (func $log (param i64 i64)))
  (import "env" "panic" (func $panic))
  (memory 1)
  (data (i32.const 0) "kvhello")
  (func $return_register
    (call $return (i64.const 0xffffffffffffffff) (i64.const 0)))
  (func $set (drop (call $write (i64.const 1) (i64.const 0) (i64.const 1) (i64.const 1) (i64.const 5))))
  (func (export "noop"))
  (func (export "set") (call $set))
  (func (export "fail") (call $log (i64.const 5) (i64.const 2)) (call $set) (call $panic))
  (func (export "seed") (call $random_seed (i64.const 0)) (call $return_register))
  (func (export "signer") (call $signer (i64.const 0)) (call $return_register))
  (func (export "predecessor") (call $predecessor (i64.const 0)) (call $return_register))
  (func (export "large")
    ;; 100,000 bytes under "k": more than a zero-balance account may store.
    (drop (call $write (i64.const 1) (i64.const 0) (i64.const 60000) (i64.const 0) (i64.const 5)))))
"#;

/// Calls `b.test.near`: `relay` calls `answer` and returns the callback `done`, which returns what it got;
/// `relay_failing` does so with `fail`; `forward` returns the promise itself; `both` joins two calls; `weighted`
/// hands all gas on; `spend` attaches a deposit to a call that fails, `spend_for_signer` the same with the refund to
/// the signer.
pub const CALLER: &str = r#"
(module
  (import "env" "promise_create" (func $create (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_then" (func $then (param i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_and" (func $and (param i64 i64) (result i64)))
  (import "env" "promise_return" (func $return_promise (param i64)))
  (import "env" "promise_result" (func $result (param i64 i64) (result i64)))
  (import "env" "promise_results_count" (func $count (result i64)))
  (import "env" "promise_batch_create" (func $batch (param i64 i64) (result i64)))
  (import "env" "promise_batch_action_function_call_weight"
    (func $weighted (param i64 i64 i64 i64 i64 i64 i64 i64)))
  (import "env" "value_return" (func $return (param i64 i64)))
  (import "env" "promise_set_refund_to" (func $refund_to (param i64 i64 i64)))
  (import "env" "signer_account_id" (func $signer (param i64)))
  (memory 1)
  (data (i32.const 0) "b.test.near")      ;; 11 bytes
  (data (i32.const 16) "a.test.near")     ;; 11 bytes
  (data (i32.const 32) "answer")
  (data (i32.const 48) "done")
  (data (i32.const 64) "fail")
  (data (i32.const 80) "FAILED")
  (data (i32.const 96) "gas_left")
  ;; 16 zero bytes at 112: no deposit. One NEAR at 128, little endian.
  (data (i32.const 128) "\00\00\00\a1\ed\cc\ce\1b\c2\d3\00\00\00\00\00\00")
  (func $call_answer (result i64)
    (call $create (i64.const 11) (i64.const 0) (i64.const 6) (i64.const 32) (i64.const 0) (i64.const 0)
      (i64.const 112) (i64.const 5000000000000)))
  (func $call_fail (result i64)
    (call $create (i64.const 11) (i64.const 0) (i64.const 4) (i64.const 64) (i64.const 0) (i64.const 0)
      (i64.const 112) (i64.const 5000000000000)))
  (func $then_done (param $promise i64) (result i64)
    (call $then (local.get $promise) (i64.const 11) (i64.const 16) (i64.const 4) (i64.const 48)
      (i64.const 0) (i64.const 0) (i64.const 112) (i64.const 5000000000000)))
  (func (export "relay") (call $return_promise (call $then_done (call $call_answer))))
  (func (export "relay_failing") (call $return_promise (call $then_done (call $call_fail))))
  (func (export "forward") (call $return_promise (call $call_answer)))
  (func (export "both")
    (i64.store (i32.const 200) (call $call_answer))
    (i64.store (i32.const 208) (call $call_fail))
    (call $return_promise (call $then_done (call $and (i64.const 200) (i64.const 2)))))
  (func (export "weighted")
    (local $batch i64)
    (local.set $batch (call $batch (i64.const 11) (i64.const 0)))
    (call $weighted (local.get $batch) (i64.const 8) (i64.const 96) (i64.const 0) (i64.const 0)
      (i64.const 112) (i64.const 0) (i64.const 1))
    (call $return_promise (local.get $batch)))
  (func (export "spend")
    (drop (call $create (i64.const 11) (i64.const 0) (i64.const 4) (i64.const 64) (i64.const 0) (i64.const 0)
      (i64.const 128) (i64.const 5000000000000))))
  (func (export "spend_for_signer")
    (local $promise i64)
    (local.set $promise
      (call $create (i64.const 11) (i64.const 0) (i64.const 4) (i64.const 64) (i64.const 0) (i64.const 0)
        (i64.const 128) (i64.const 5000000000000)))
    (call $signer (i64.const 0))
    (call $refund_to (local.get $promise) (i64.const 0xffffffffffffffff) (i64.const 0)))
  ;; Returns the result of the first input, or FAILED, after the number of inputs as a digit.
  (func (export "done")
    (i32.store8 (i32.const 79) (i32.add (i32.const 48) (i32.wrap_i64 (call $count))))
    (if (i64.eq (call $result (i64.const 0) (i64.const 0)) (i64.const 1))
      (then (call $return (i64.const 0xffffffffffffffff) (i64.const 0)))
      (else (call $return (i64.const 7) (i64.const 79))))))
"#;

/// The other side of [`CALLER`].
pub const CALLEE: &str = r#"
(module
  (import "env" "value_return" (func $return (param i64 i64)))
  (import "env" "prepaid_gas" (func $prepaid (result i64)))
  (import "env" "panic" (func $panic))
  (memory 1)
  (data (i32.const 0) "forty-two")
  (func (export "answer") (call $return (i64.const 9) (i64.const 0)))
  (func (export "gas_left")
    (i64.store (i32.const 16) (call $prepaid))
    (call $return (i64.const 8) (i64.const 16)))
  (func (export "fail") (call $panic)))
"#;

/// Yields: `ask` yields to `answered` and stores the data id under "d"; `give` resumes it with "now"; `answered`
/// returns the data or, on a time-out, "late".
pub const YIELDER: &str = r#"
(module
  (import "env" "promise_yield_create" (func $yield (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_yield_resume" (func $resume (param i64 i64 i64 i64) (result i32)))
  (import "env" "promise_return" (func $return_promise (param i64)))
  (import "env" "promise_result" (func $result (param i64 i64) (result i64)))
  (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
  (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
  (import "env" "value_return" (func $return (param i64 i64)))
  (memory 1)
  (data (i32.const 0) "d")
  (data (i32.const 16) "answered")
  (data (i32.const 32) "now")
  (data (i32.const 48) "late")
  (func (export "ask")
    (local $promise i64)
    (local.set $promise (call $yield (i64.const 8) (i64.const 16) (i64.const 0) (i64.const 0)
      (i64.const 5000000000000) (i64.const 0) (i64.const 0)))
    (drop (call $write (i64.const 1) (i64.const 0) (i64.const 0xffffffffffffffff) (i64.const 0) (i64.const 1)))
    (call $return_promise (local.get $promise)))
  (func (export "give")
    (drop (call $read (i64.const 1) (i64.const 0) (i64.const 0)))
    (drop (call $resume (i64.const 0xffffffffffffffff) (i64.const 0) (i64.const 3) (i64.const 32))))
  (func (export "answered")
    (if (i64.eq (call $result (i64.const 0) (i64.const 0)) (i64.const 1))
      (then (call $return (i64.const 0xffffffffffffffff) (i64.const 0)))
      (else (call $return (i64.const 4) (i64.const 48))))))
"#;

/// Uses what it gets: `spin` runs until its gas is gone; `churn` writes one key until then; `grow` allocates memory
/// until it gets no more and then loops; `store` keeps a megabyte under its input; `read_all` reads what is under the
/// bytes 0 to 4; `two_keys` writes under "k" and "l"; `rewrite` writes under "k" twice; `reread` reads "k" twice;
/// `forget` removes "k".
pub const HEAVY: &str = r#"
(module
  (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
  (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
  (import "env" "storage_remove" (func $remove (param i64 i64 i64) (result i64)))
  (import "env" "input" (func $input (param i64)))
  (import "env" "read_register" (func $read_register (param i64 i64)))
  (memory 20)
  (data (i32.const 16) "klv")
  (func $write_k (drop (call $write (i64.const 1) (i64.const 16) (i64.const 1) (i64.const 18) (i64.const 1))))
  (func $write_l (drop (call $write (i64.const 1) (i64.const 17) (i64.const 1) (i64.const 18) (i64.const 1))))
  (func $read_k (drop (call $read (i64.const 1) (i64.const 16) (i64.const 0))))
  (func (export "spin") (loop $again (br $again)))
  (func (export "churn") (loop $again (call $write_k) (br $again)))
  (func (export "grow")
    (loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))
    (loop $again (br $again)))
  (func (export "store")
    (call $input (i64.const 0))
    (call $read_register (i64.const 0) (i64.const 0))
    (i32.store8 (i32.const 64) (i32.load8_u (i32.const 0)))
    (drop (call $write (i64.const 1) (i64.const 0) (i64.const 1000000) (i64.const 64) (i64.const 1))))
  (func (export "read_one")
    (call $input (i64.const 0))
    (call $read_register (i64.const 0) (i64.const 0))
    (drop (call $read (i64.const 1) (i64.const 0) (i64.const 0))))
  (func (export "read_all")
    (local $key i32)
    (loop $next
      (i32.store8 (i32.const 0) (local.get $key))
      (drop (call $read (i64.const 1) (i64.const 0) (i64.const 0)))
      (local.set $key (i32.add (local.get $key) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $key) (i32.const 5)))))
  (func (export "two_keys") (call $write_k) (call $write_l))
  (func (export "rewrite") (call $write_k) (call $write_k))
  (func (export "reread") (call $read_k) (call $read_k))
  (func (export "forget") (drop (call $remove (i64.const 1) (i64.const 16) (i64.const 0)))))
"#;

/// Yields under an id of its own: `ask` yields to `answered`; `give` resumes it with "now"; `ask_and_give` does both;
/// `answered` returns the data or, on a time-out, "late". `vanish` asks itself to delete its account.
pub const NAMED_YIELDER: &str = r#"
(module
  (import "env" "promise_yield_create_with_id"
    (func $yield (param i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_yield_resume_with_yield_id" (func $resume (param i64 i64 i64 i64) (result i32)))
  (import "env" "promise_return" (func $return_promise (param i64)))
  (import "env" "promise_result" (func $result (param i64 i64) (result i64)))
  (import "env" "value_return" (func $return (param i64 i64)))
  (import "env" "promise_batch_create" (func $batch (param i64 i64) (result i64)))
  (import "env" "promise_batch_action_delete_account" (func $delete (param i64 i64 i64)))
  (import "env" "current_account_id" (func $current (param i64)))
  (memory 1)
  (data (i32.const 16) "answered")
  (data (i32.const 32) "now")
  (data (i32.const 48) "late")
  (data (i32.const 64) "test.near")
  ;; 16 zero bytes at 128 are no amount; 32 bytes at 160 are the id.
  (data (i32.const 160) "the one and only yield of mine..")
  (func $ask (result i64)
    (call $yield (i64.const 8) (i64.const 16) (i64.const 0) (i64.const 0) (i64.const 128)
      (i64.const 5000000000000) (i64.const 0) (i64.const 32) (i64.const 160)))
  (func $give (drop (call $resume (i64.const 32) (i64.const 160) (i64.const 3) (i64.const 32))))
  (func (export "ask") (call $return_promise (call $ask)))
  (func (export "give") (call $give))
  (func (export "ask_and_give") (call $return_promise (call $ask)) (call $give))
  (func (export "answered")
    (if (i64.eq (call $result (i64.const 0) (i64.const 0)) (i64.const 1))
      (then (call $return (i64.const 0xffffffffffffffff) (i64.const 0)))
      (else (call $return (i64.const 4) (i64.const 48)))))
  (func (export "vanish")
    (call $current (i64.const 0))
    (call $delete (call $batch (i64.const 0xffffffffffffffff) (i64.const 0)) (i64.const 9) (i64.const 64))))
"#;

/// Promises to its owner `little` with two calls that have two megabytes of arguments each, `much` with three.
pub const PROMISER: &str = r#"
(module
  (import "env" "promise_batch_create" (func $batch (param i64 i64) (result i64)))
  (import "env" "promise_batch_action_function_call" (func $call (param i64 i64 i64 i64 i64 i64 i64)))
  (memory 40)
  (data (i32.const 0) "test.near")
  (func $add (param $promise i64)
    (call $call (local.get $promise) (i64.const 4) (i64.const 0) (i64.const 2000000) (i64.const 64) (i64.const 16) (i64.const 1)))
  (func (export "little") (local $promise i64)
    (local.set $promise (call $batch (i64.const 9) (i64.const 0)))
    (call $add (local.get $promise))
    (call $add (local.get $promise)))
  (func (export "much") (local $promise i64)
    (local.set $promise (call $batch (i64.const 9) (i64.const 0)))
    (call $add (local.get $promise))
    (call $add (local.get $promise))
    (call $add (local.get $promise))))
"#;
