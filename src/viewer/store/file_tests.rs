//! What a file promises: closed and opened again, the same traces; what was acknowledged is there; every fault is said and leaves
//! the file as it was.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    tests::{batch, forest, shown},
    *,
};

fn quiet() -> Arc<Opening> {
    Arc::new(|_, _| {})
}

fn open(path: &Path, limits: Limits) -> Result<Store, StoreError> {
    Store::open(limits, path, &quiet())
}

fn opened(path: &Path) -> Store {
    open(path, Limits::default()).expect("a store")
}

/// Takes a batch, and is back when it is in the file.
async fn keep(store: &Store, batch: TraceBatch) -> Result<(), ExportError> {
    match store.take(batch) {
        Some(kept) => kept.await,
        None => Ok(()),
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

fn fill(path: &Path, limits: Limits, spans: &[&str]) -> Vec<String> {
    let store = open(path, limits).expect("a store");
    run(async {
        for text in spans {
            keep(&store, batch(text)).await.expect("kept");
        }
    });
    shown(&store)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// As the file would be found after the process was killed now.
fn killed(path: &Path) -> std::path::PathBuf {
    let copy = path.with_extension("killed");
    fs::copy(path, &copy).expect("a copy");
    copy
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart_and_after_a_crash() {
    let folder = folder();
    let path = folder.path().join("traces.db");
    let spans = ["1/2<1@2", "3/3", "2/4<2@4", "1/1@1", "1/1@1", "5/5<5", "6/6<99"];
    let store = opened(&path);
    run(async {
        for text in spans {
            keep(&store, batch(text)).await.expect("kept");
        }
    });
    let before = shown(&store);
    let sequences: Vec<u64> = store.newest_first().iter().map(|held| held.sequence).collect();
    let crashed = opened(&killed(&path));
    assert_eq!(shown(&crashed), before);
    drop(store);
    let again = opened(&path);
    assert_eq!(shown(&again), before);
    let after: Vec<u64> = again.newest_first().iter().map(|held| held.sequence).collect();
    assert_eq!(after, sequences, "readers find their place again");
    assert_eq!(*again.subscribe().borrow(), sequences[0]);
    assert!(
        again.take(batch("3/3")).is_none(),
        "what is in the file already is not written again"
    );
}

/// The trace as the terminal shows it.
fn rendered(store: &Store) -> String {
    let page = crate::viewer::Page {
        width: None,
        ink: crate::viewer::Ink::Plain,
    };
    let held = store.newest_first();
    assert_eq!(held.len(), 1, "all of it is one trace");
    crate::viewer::render(&held[0].decode(), page, crate::viewer::Detail::Compact)
}

#[test]
fn odd_shapes_are_shown_and_said_after_a_restart_too() {
    let folder = folder();
    let path = folder.path().join("traces.db");
    // A child before its parent, a linked trace id, a span that comes again longer, a loop, a clock behind, and no parent.
    let spans = [
        "1/2<1@12",
        "1/1@10",
        "2/3<1@13",
        "2/3<1@14",
        "1/4<4@15",
        "1/5<1@9",
        "1/6<77@16",
    ];
    fill(&path, Limits::default(), &spans);
    let store = opened(&path);
    let text = rendered(&store);
    for note in [
        "6 spans",
        "joined from 2 trace ids",
        "1 span came again with other content",
        "1 span names a parent that is not here (yet)",
        "1 span is its own ancestor",
        "1 span starts before its parent (clocks differ)",
    ] {
        assert!(text.contains(note), "{note}: {text}");
    }
    assert!(text.contains("2/3<1@14") && !text.contains("2/3<1@13"), "{text}");
    // A late span finds its trace, and the parent that was missing is there.
    run(keep(&store, batch("3/77<2@13"))).expect("kept");
    let text = rendered(&opened(&killed(&path)));
    assert!(
        text.contains("7 spans") && text.contains("joined from 3 trace ids"),
        "{text}"
    );
    assert!(!text.contains("not here (yet)"), "{text}");
}

#[test]
fn what_is_dropped_leaves_the_file_and_stays_counted() {
    let folder = folder();
    let path = folder.path().join("traces.db");
    let two = Limits {
        max_traces: 2,
        ..Limits::default()
    };
    let before = fill(&path, two, &["1/1", "1/11<1", "2/2", "3/3", "4/4"]);
    assert_eq!(before, ["04: 4/4", "03: 3/3"]);
    let again = opened(&path);
    assert_eq!(shown(&again), before);
    assert_eq!(again.dropped(), Dropped { traces: 2, spans: 3 });
    drop(again);
    let one = Limits {
        max_traces: 1,
        ..Limits::default()
    };
    let smaller = open(&path, one).expect("a store");
    assert_eq!(shown(&smaller), ["04: 4/4"]);
    drop(smaller);
    let larger = opened(&path);
    assert_eq!(shown(&larger), ["04: 4/4"], "the smaller limit held for the file");
    assert_eq!(larger.dropped(), Dropped { traces: 3, spans: 4 });
}

#[test]
fn many_senders_share_a_commit() {
    let folder = folder();
    let path = folder.path().join("traces.db");
    let store = opened(&path);
    let senders = 40;
    run(async {
        // Nobody is answered while one has the turn; then one commit answers all.
        let turn = store.journal.as_ref().expect("a file").turn().await;
        let mut waiting: Vec<_> = (1..=senders)
            .map(|number| store.take(batch(&format!("{number}/{number}"))).expect("it waits"))
            .collect();
        drop(turn);
        waiting.remove(0).await.expect("kept");
        assert!(store.take(batch("40/40")).is_none(), "the first commit had all of them");
        for kept in waiting {
            kept.await.expect("kept");
        }
    });
    assert_eq!(opened(&killed(&path)).newest_first().len(), senders);
}

#[test]
fn a_sender_that_goes_away_takes_nothing_with_it() {
    let folder = folder();
    let path = folder.path().join("traces.db");
    let store = opened(&path);
    run(async {
        for number in 1..20 {
            let kept = store.take(batch(&format!("{number}/{number}"))).expect("it waits");
            let _ = tokio::time::timeout(std::time::Duration::from_micros(300 * number), kept).await;
        }
        keep(&store, batch("20/20")).await.expect("kept");
    });
    assert_eq!(opened(&killed(&path)).newest_first().len(), 20);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_taken_away_is_told_and_made_anew() {
    let folder = folder();
    let path = folder.path().join("traces.db");
    let store = opened(&path);
    run(async {
        keep(&store, batch("1/1")).await.expect("kept");
        fs::remove_file(&path).expect("removed");
        let refused = keep(&store, batch("2/2")).await;
        let Err(ExportError::Retry { source, .. }) = refused else {
            panic!("{refused:?}");
        };
        let text = format!("{source:#}");
        assert!(text.contains("memory only") && text.contains("removed"), "{text}");
        assert_eq!(shown(&store), ["02: 2/2", "01: 1/1"], "readers see all");
        let again = keep(&store, batch("2/2")).await;
        assert!(again.is_err(), "the same spans again are not said to be safe");
        // Another store in that place is left alone.
        let other = opened(&path);
        keep(&other, batch("7/7")).await.expect("kept");
        drop(other);
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let refused = keep(&store, batch("2/2")).await.expect_err("another store");
        assert!(format!("{:#}", anyhow::Error::new(refused)).contains("another listener"));
        assert_eq!(shown(&opened(&killed(&path))), ["07: 7/7"]);
        fs::remove_file(&path).expect("removed");
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        keep(&store, batch("2/2")).await.expect("kept in a new file");
    });
    assert_eq!(shown(&opened(&killed(&path))), ["02: 2/2", "01: 1/1"]);
}

fn check(path: &Path, expected: &[&str]) {
    let before = fs::read(path).ok();
    let told = open(path, Limits::default()).err().expect("a fault").to_string();
    for part in expected {
        assert!(told.contains(part), "{told}");
    }
    assert!(told.contains(&path.display().to_string()), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(fs::read(path).ok() == before, "the file was changed: {told}");
}

#[test]
fn a_file_that_cannot_be_a_store_is_refused_and_left_alone() {
    let folder = folder();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    };
    check(folder.path(), &["is a directory", "name a file"]);
    check(&folder.path().join("no/such/traces.db"), &["does not exist", "make it"]);
    check(
        &file("text", b"not a database, but longer than its head"),
        &["another kind"],
    );
    check(&file("short", b"redb"), &["another kind"]);
    if cfg!(unix) {
        check(Path::new("/dev/null"), &["no regular file"]);
    }
    let whole = folder.path().join("whole");
    fill(&whole, Limits::default(), &["1/1", "2/2"]);
    let whole = fs::read(&whole).expect("read");
    for length in [12, 400, 5000, whole.len() / 2, whole.len() - 1] {
        check(&file("cut", &whole[..length]), &["damaged", "put it aside"]);
    }
    let empty = file("empty", b"");
    assert!(shown(&opened(&empty)).is_empty(), "an empty file has nothing to lose");
}

#[test]
fn an_altered_file_is_never_misread() {
    let folder = folder();
    let path = folder.path().join("traces.db");
    let spans: Vec<String> = (1..=60).map(|number| format!("{number}/{number}")).collect();
    let spans: Vec<&str> = spans.iter().map(String::as_str).collect();
    let before = fill(&path, Limits::default(), &spans);
    let whole = fs::read(&path).expect("read");
    let refused = AtomicUsize::new(0);
    for place in (0..whole.len()).step_by(whole.len() / 60) {
        let mut altered = whole.clone();
        altered[place] ^= 0x10;
        fs::write(&path, &altered).expect("written");
        match open(&path, Limits::default()) {
            Ok(store) => assert_eq!(shown(&store), before, "byte {place}"),
            Err(error) => {
                refused.fetch_add(1, Ordering::Relaxed);
                let told = error.to_string();
                assert!(told.contains("damaged") || told.contains("another kind"), "{told}");
                assert!(
                    fs::read(&path).expect("read") == altered,
                    "byte {place}: the file was changed"
                );
            }
        }
    }
    assert!(refused.into_inner() > 10, "some bytes matter");
}

#[test]
fn a_file_in_use_and_a_newer_or_foreign_one_are_refused() {
    let folder = folder();
    let path = folder.path().join("traces.db");
    let store = opened(&path);
    check(&path, &["another process has it open", "end that one"]);
    drop(store);
    let alter = |path: &Path, table: &str, key: &str, value: u64| {
        let database = redb::Database::create(path).expect("a database");
        let write = database.begin_write().expect("a transaction");
        let table = redb::TableDefinition::<&str, u64>::new(table);
        write
            .open_table(table)
            .expect("a table")
            .insert(key, value)
            .expect("inserted");
        write.commit().expect("committed");
    };
    alter(&path, "plano.facts", "format", 2);
    let told = open(&path, Limits::default()).err().expect("a fault").to_string();
    assert!(told.contains("newer planoai") && told.contains("format 2"), "{told}");
    let other = folder.path().join("other");
    alter(&other, "somebody's", "x", 1);
    let told = open(&other, Limits::default()).err().expect("a fault").to_string();
    assert!(told.contains("another kind"), "{told}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_a_new_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let path = folder.path().join("traces.db");
    drop(opened(&path));
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_opening_of_a_crashed_file_is_shown() {
    let folder = folder();
    let path = folder.path().join("traces.db");
    let store = opened(&path);
    run(keep(&store, batch("1/1"))).expect("kept");
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&told);
    let opening: Arc<Opening> = Arc::new(move |what, part| {
        assert!((0.0..=1.0).contains(&part), "{part}");
        heard.lock().expect("no panic").push(what.to_owned());
    });
    Store::open(Limits::default(), &killed(&path), &opening).expect("a store");
    let told = told.lock().expect("no panic");
    assert!(
        told.iter().any(|what| what == "checking") && told.iter().any(|what| what == "reading"),
        "{told:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn closed_and_opened_again_it_is_the_same(
        spans in forest(),
        together in 1_usize..6,
        max_traces in 1_usize..5,
        max_bytes in 3_000_usize..20_000,
        crash: bool,
    ) {
        let folder = folder();
        let path = folder.path().join("traces.db");
        let limits = Limits { max_traces, max_bytes };
        let store = open(&path, limits).expect("a store");
        run(async {
            for some in spans.chunks(together) {
                let mut whole = TraceBatch::default();
                some.iter().for_each(|text| whole.append(batch(text)));
                keep(&store, whole).await.expect("kept");
            }
        });
        let (before, bytes, dropped) = (shown(&store), store.bytes(), store.dropped());
        let path = if crash { killed(&path) } else { path };
        drop(store);
        let again = open(&path, limits).expect("a store");
        prop_assert_eq!(shown(&again), before);
        prop_assert_eq!((again.bytes(), again.dropped()), (bytes, dropped));
    }
}
