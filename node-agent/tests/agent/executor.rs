//! The command executor against real programs.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use piecework_agent::{
    executor::{CommandConfig, CommandExecutor, Doubted, ExecuteError, Proven, Task, TaskItem, Verification},
    record::Place,
};
use piecework_interface::{
    host::sha256,
    ids::{BatchId, LotId},
};

/// Reads the index of every item with shell tools and answers it with its last digit.
const ECHO: &str = r#"sed -E 's/.*"index":([0-9]*([0-9])).*/{"index":\1,"answer":\2}/'"#;

fn executor(script: &str, memory_mib: u64, scratch: &Path) -> CommandExecutor {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    CommandExecutor::new(CommandConfig { command, env: BTreeMap::new(), memory_mib }, scratch.to_owned())
}

fn task(payloads: &[&[u8]], limit: Duration) -> Task {
    let items = (40_u32..).zip(payloads);
    Task {
        scores: None,
        place: Place { batch: BatchId(1), lot: LotId(2), round: 0 },
        width: 1,
        items: items
            .map(|(index, payload)| TaskItem { index, sha256: sha256(payload), payload: payload.to_vec() })
            .collect(),
        limit,
    }
}

async fn run(script: &str, limit: Duration) -> Result<Vec<u8>, ExecuteError> {
    let scratch = tempfile::tempdir().unwrap();
    executor(script, 512, scratch.path()).execute(task(&[b"a", b"b", b"c"], limit)).await
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn execute__should_return_the_answers_in_order() {
    assert_eq!(run(ECHO, LONG).await.unwrap(), [0, 1, 2]);
    assert_eq!(run(&format!("{ECHO} | tac"), LONG).await.unwrap(), [0, 1, 2]);
}

/// Asks a program about items 40 and 41, whose result is 02 and none, and whose answers are 01.
async fn verify(script: &str, limit: Duration) -> Result<Proven, ExecuteError> {
    let scratch = tempfile::tempdir().unwrap();
    let Task { place, width, items, .. } = task(&[b"a", b"b"], limit);
    let results = [Some(vec![2]), None];
    let items = items.into_iter().zip(results).map(|(item, result)| Doubted { item, result, own: vec![1] });
    let task = Verification { place, width, items: items.collect(), limit };
    executor(script, 512, scratch.path()).verify(task).await
}

#[tokio::test]
async fn verify__should_take_as_proven_what_the_program_calls_wrong() {
    // Given a program that calls every result wrong that there is.
    let script = r#"sed -En 's/.*"index":([0-9]+).*"result":"02","answer":"01".*/{"index":\1,"wrong":true,"evidence":"seen"}/p'"#;
    assert_eq!(verify(script, LONG).await.unwrap(), [(40, "seen".to_owned())].into());
}

#[tokio::test]
async fn verify__should_prove_nothing_where_the_program_fails() {
    assert_eq!(verify("cat >/dev/null", LONG).await.unwrap(), Proven::new());
    assert!(matches!(verify("exit 3", LONG).await, Err(ExecuteError::Failed { .. })));
    assert!(matches!(verify("echo wrong", LONG).await, Err(ExecuteError::Answers(_))));
    assert!(matches!(verify("sleep 60", Duration::from_millis(200)).await, Err(ExecuteError::Timeout { .. })));
}

#[tokio::test]
async fn execute__should_hand_an_extension_the_bytes_of_round_0() {
    // Given a worker whose answer is the digest of everything that it gets: the item's line, its environment and its files
    let script = r#"while read -r line; do
        index=$(echo "$line" | sed -E 's/.*"index":([0-9]+).*/\1/')
        digest=$( (echo "$line"; env | grep ^PIECEWORK | sort; ls -A) | sha256sum | cut -c1-64)
        echo "{\"index\":$index,\"answer\":\"$digest\"}"
    done"#;
    let scratch = tempfile::tempdir().unwrap();
    let of = |round, payloads: &[&[u8]]| {
        let task = task(payloads, LONG);
        Task { place: Place { round, ..task.place }, width: 32, ..task }
    };
    let first = executor(script, 512, scratch.path()).execute(of(0, &[b"a", b"b", b"c"])).await.unwrap();

    // When an extension asks for the second item alone
    let mut late = of(1, &[b"a", b"b"]);
    late.items.remove(0);
    let late = executor(script, 512, scratch.path()).execute(late).await.unwrap();

    // Then the worker gets the same bytes, and not the same for other items
    assert_eq!(late, first[32..64]);
    assert_ne!(first[..32], first[32..64]);
}

#[tokio::test]
async fn execute__should_ask_a_jury_about_scores_one_question() {
    // Given a program that overturns scores which pay a copy that was not shown.
    let scratch = tempfile::tempdir().unwrap();
    let script = r#"if grep -q '"copies":\["01",null\]' "$PIECEWORK_SCORES" && [ "$(wc -l)" = 2 ]; then echo '{"index":40,"answer":1}'; fi"#;
    let scores = r#"{"scores":[10000,5000],"report":"00","copies":["01",null]}"#.to_owned();
    // When a lot of two items is judged.
    let task = Task { scores: Some(scores), ..task(&[b"a", b"b"], LONG) };
    let answers = executor(script, 512, scratch.path()).execute(task).await.unwrap();
    // Then it saw both items and the scores, and one answer is enough.
    assert_eq!(answers, [1]);
}

#[tokio::test]
async fn execute__should_hand_over_large_payloads_as_files() {
    // Given a payload above the inline limit, and a worker that answers with the file's size in KiB.
    let scratch = tempfile::tempdir().unwrap();
    let script = r#"read line; path=$(echo "$line" | sed -E 's/.*"payload_path":"([^"]*)".*/\1/');
        size=$(($(wc -c < "$path") / 10240)); echo "{\"index\":40,\"answer\":$size}""#;
    let payload = vec![b'x'; 300 << 10];
    // When it runs.
    let answers = executor(script, 512, scratch.path()).execute(task(&[&payload], LONG)).await.unwrap();
    // Then it has read the file, and nothing is left behind.
    assert_eq!(answers, [30]);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn execute__should_end_a_slow_worker_and_its_children() {
    // Given a worker that starts a child and then hangs.
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {}; sleep 1000", pid_file.display());
    // When its time is over.
    let error = run(&script, Duration::from_millis(500)).await.unwrap_err();
    // Then it is named, and the child is gone too.
    assert!(matches!(error, ExecuteError::Timeout { .. }), "{error}");
    let pid = fs::read_to_string(&pid_file).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_alive(pid.trim()) {
        assert!(Instant::now() < deadline, "process {pid} lives on");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn execute__should_end_work_that_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let pid_file = dir.path().join("pid");
    let script = format!("echo $$ > {}; sleep 1000", pid_file.display());
    let scratch = tempfile::tempdir().unwrap();
    let executor = executor(&script, 512, scratch.path());
    let work = tokio::spawn(async move { executor.execute(task(&[b"a"], LONG)).await });
    let deadline = Instant::now() + Duration::from_secs(20);
    let written = || fs::read_to_string(&pid_file).is_ok_and(|pid| pid.ends_with('\n'));
    while !written() {
        assert!(Instant::now() < deadline, "it does not start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pid = fs::read_to_string(&pid_file).unwrap();
    work.abort();
    while is_alive(pid.trim()) {
        assert!(Instant::now() < deadline, "process {pid} lives on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn execute__should_bound_memory() {
    // Given a worker that wants 64 MiB at once, and limits below and above.
    let script =
        format!("head -c 67108864 /dev/zero | dd bs=64M count=1 iflag=fullblock of=/dev/null; test $? = 0 && {ECHO}");
    let scratch = tempfile::tempdir().unwrap();
    let small = executor(&script, 32, scratch.path()).execute(task(&[b"a"], LONG)).await;
    let large = executor(&script, 512, scratch.path()).execute(task(&[b"a"], LONG)).await;
    // Then only the small one fails, with the worker's words.
    assert!(matches!(&small, Err(ExecuteError::Failed { stderr, .. }) if stderr.contains("memory")), "{small:?}");
    assert_eq!(large.unwrap(), [0]);
}

#[tokio::test]
async fn execute__should_tell_what_a_failed_worker_said() {
    let error = run("echo 'model.bin is missing' >&2; exit 3", LONG).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("exit status: 3") && text.contains("model.bin is missing"), "{text}");
}

#[tokio::test]
async fn execute__should_refuse_wrong_widths_gaps_and_garbage() {
    for (script, part) in [
        (r#"echo '{"index":40,"answer":256}'"#, "does not fit 1 bytes"),
        (r#"echo '{"index":40,"answer":"0000"}'"#, "does not fit 1 bytes"),
        (r#"echo '{"index":40,"answer":1}'"#, "2 of 3 items have no answer, the first is item 41"),
        (r#"echo '{"index":99,"answer":1}'"#, "item 99 was not asked for"),
        ("echo hello", "line 1 is not"),
        ("true", "3 of 3 items have no answer"),
    ] {
        let text = run(script, LONG).await.unwrap_err().to_string();
        assert!(text.contains(part), "{script}: {text}");
    }
}

#[tokio::test]
async fn execute__should_stop_a_worker_that_floods() {
    let error = run("yes", LONG).await.unwrap_err();
    assert!(matches!(error, ExecuteError::TooMuchOutput { .. }), "{error}");
    // Standard error is read to its end and only the last of it kept.
    let script = format!("head -c 1000000 /dev/zero | tr '\\0' x >&2; {ECHO}");
    assert_eq!(run(&script, LONG).await.unwrap(), [0, 1, 2]);
}

#[tokio::test]
async fn execute__should_accept_answers_before_all_input_is_read() {
    let script = r#"for i in 40 41 42; do echo "{\"index\":$i,\"answer\":7}"; done"#;
    assert_eq!(run(script, LONG).await.unwrap(), [7, 7, 7]);
}

#[tokio::test]
async fn execute__should_keep_the_agents_environment_to_itself() {
    // CARGO_PKG_NAME is in the environment of every test.
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
    let script = format!("test -z \"$CARGO_PKG_NAME\" && test $PIECEWORK_LOT = 2 && {ECHO}");
    assert_eq!(run(&script, LONG).await.unwrap(), [0, 1, 2]);
}

#[tokio::test]
async fn execute__should_name_a_program_that_is_missing() {
    let scratch = tempfile::tempdir().unwrap();
    let command = vec!["/no/such/worker".to_owned()];
    let config = CommandConfig { command, env: BTreeMap::new(), memory_mib: 64 };
    let executor = CommandExecutor::new(config, scratch.path().to_owned());
    let text = executor.execute(task(&[b"a"], LONG)).await.unwrap_err().to_string();
    assert!(text.contains("/no/such/worker") && text.contains("[work.classes]"), "{text}");
}

/// A zombie that nobody has waited for yet counts as gone.
fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}
